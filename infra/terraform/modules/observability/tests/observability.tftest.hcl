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
}

run "every_alarm_reaches_somebody" {
  assert {
    condition = toset(output.alarm_names) == toset([
      "todo-staging-5xx", "todo-staging-latency", "todo-staging-unhealthy-hosts", "todo-staging-no-healthy-hosts",
      "todo-staging-task-restarts", "todo-staging-write-conflicts", "todo-staging-memory", "todo-staging-cpu", "todo-staging-unavailable",
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
    condition = alltrue([for alarm, filter in { write-conflicts = aws_cloudwatch_log_metric_filter.write_conflicts, task-restarts = aws_cloudwatch_log_metric_filter.stopped_tasks } :
    aws_cloudwatch_metric_alarm.this[alarm].namespace == filter.metric_transformation[0].namespace && aws_cloudwatch_metric_alarm.this[alarm].metric_name == filter.metric_transformation[0].name])
    error_message = "an alarm watches a metric that no filter writes"
  }

  assert {
    condition     = aws_cloudwatch_log_metric_filter.write_conflicts.pattern == "{ $.conflicts > 0 }" && aws_cloudwatch_log_metric_filter.write_conflicts.metric_transformation[0].value == "$.conflicts"
    error_message = "the API's log says conflicts by that field"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.stopped_tasks.event_pattern).detail.clusterArn == ["arn:aws:ecs:eu-west-1:123456789012:cluster/todo-staging"]
    error_message = "only this cluster's tasks are counted"
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 7
    error_message = "want six graphs and the log of errors"
  }
}

run "rejects_name" {
  command = plan
  variables {
    name = "Todo"
  }
  expect_failures = [var.name]
}

run "rejects_email" {
  command = plan
  variables {
    alarm_email = "ops.example.com"
  }
  expect_failures = [var.alarm_email]
}

run "rejects_server_errors" {
  command = plan
  variables {
    server_errors = -1
  }
  expect_failures = [var.server_errors]
}

run "rejects_latency" {
  command = plan
  variables {
    latency_seconds = 0
  }
  expect_failures = [var.latency_seconds]
}

run "rejects_restarts" {
  command = plan
  variables {
    restarts = 0
  }
  expect_failures = [var.restarts]
}

run "rejects_conflicts" {
  command = plan
  variables {
    conflicts = -1
  }
  expect_failures = [var.conflicts]
}

run "rejects_log_retention" {
  command = plan
  variables {
    log_retention_days = 10
  }
  expect_failures = [var.log_retention_days]
}

run "rejects_cluster" {
  command = plan
  variables {
    cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/todo"
  }
  expect_failures = [var.cluster]
}

run "rejects_service" {
  command = plan
  variables {
    service = "arn:aws:ecs:eu-west-1:123456789012:service/todo"
  }
  expect_failures = [var.service]
}

run "rejects_cluster_arn" {
  command = plan
  variables {
    cluster_arn = "todo-staging"
  }
  expect_failures = [var.cluster_arn]
}

run "rejects_load_balancer" {
  command = plan
  variables {
    load_balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/todo/1"
  }
  expect_failures = [var.load_balancer]
}

run "rejects_target_group" {
  command = plan
  variables {
    target_group = "todo"
  }
  expect_failures = [var.target_group]
}

run "rejects_log_group" {
  command = plan
  variables {
    log_group = "todo api"
  }
  expect_failures = [var.log_group]
}
