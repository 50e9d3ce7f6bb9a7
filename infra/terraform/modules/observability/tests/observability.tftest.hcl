mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name          = "todo-staging"
  alarm_email   = "ops@example.com"
  cluster       = "todo-staging"
  cluster_arn   = "arn:aws:ecs:eu-west-1:123456789012:cluster/todo-staging"
  service       = "todo-api"
  load_balancer = "app/todo/1"
  target_group  = "targetgroup/todo/1"
  log_group     = "/todo-staging-api"

  autoscaling_group = "todo-staging-1"
}

run "every_alarm_reaches_somebody" {
  assert {
    condition = toset(output.alarm_names) == toset([
      "todo-staging-5xx", "todo-staging-latency", "todo-staging-unhealthy-hosts", "todo-staging-no-healthy-hosts",
      "todo-staging-task-restarts", "todo-staging-write-conflicts", "todo-staging-memory", "todo-staging-cpu", "todo-staging-cpu-credits", "todo-staging-unavailable",
    ])
    error_message = "got ${jsonencode(output.alarm_names)}"
  }

  assert {
    condition     = alltrue([for a in concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.server_errors]) : toset(a.alarm_actions) == toset([aws_sns_topic.alarms.arn])]) && aws_sns_topic_subscription.email.endpoint == "ops@example.com"
    error_message = "every alarm goes to the topic, and the topic to the address"
  }

  assert {
    condition     = output.deployment_alarms == ["todo-staging-5xx"]
    error_message = "deployments watch the 5xx alarm"
  }
}

run "metrics_of_our_own_meet_their_alarms" {
  command = plan

  assert {
    condition = alltrue([for alarm, filter in { write-conflicts = aws_cloudwatch_log_metric_filter.write_conflicts[0], task-restarts = aws_cloudwatch_log_metric_filter.stopped_tasks } :
    aws_cloudwatch_metric_alarm.this[alarm].namespace == filter.metric_transformation[0].namespace && aws_cloudwatch_metric_alarm.this[alarm].metric_name == filter.metric_transformation[0].name])
    error_message = "an alarm watches a metric that no filter writes"
  }

  assert {
    condition     = aws_cloudwatch_log_metric_filter.write_conflicts[0].pattern == "{ $.conflicts > 0 }" && aws_cloudwatch_log_metric_filter.write_conflicts[0].metric_transformation[0].value == "$.conflicts"
    error_message = "the API's log says conflicts by that field"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.stopped_tasks.event_pattern).detail.clusterArn == ["arn:aws:ecs:eu-west-1:123456789012:cluster/todo-staging"] && jsondecode(aws_cloudwatch_event_rule.stopped_tasks.event_pattern).detail.group == ["service:todo-api"]
    error_message = "only this service's tasks are counted, not those of previews"
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 7
    error_message = "want six graphs and the log of errors"
  }
}

run "alarms_and_dashboard_use_what_is_collected" {
  variables {
    collected = "todo-staging-api"
  }

  assert {
    condition     = contains(output.alarm_names, "todo-staging-store-away") && contains(output.alarm_names, "todo-staging-store-latency") && length(aws_cloudwatch_log_metric_filter.write_conflicts) == 0
    error_message = "got ${jsonencode(output.alarm_names)}"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["write-conflicts"].metric_name == "todo_ledger_conflicts_total" && aws_cloudwatch_metric_alarm.this["write-conflicts"].dimensions == tomap({ Service = "todo-staging-api" })
    error_message = "overtaken writes are the API's own count"
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 10
    error_message = "want three graphs more"
  }
}

run "on_fargate" {
  command = plan
  variables {
    fargate           = true
    autoscaling_group = null
  }

  assert {
    condition     = !contains(output.alarm_names, "todo-staging-cpu-credits") && aws_cloudwatch_metric_alarm.this["memory"].threshold == 90 && aws_cloudwatch_metric_alarm.this["cpu"].threshold == 90
    error_message = "a task on Fargate borrows no CPU and has no more memory than its size"
  }
}
