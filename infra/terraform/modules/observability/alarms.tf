locals {
  namespace = var.name

  load_balancer = { LoadBalancer = var.load_balancer }
  target_group  = { LoadBalancer = var.load_balancer, TargetGroup = var.target_group }
  service       = { ClusterName = var.cluster, ServiceName = var.service }

  conflicts = var.collected == null ? { namespace = local.namespace, metric = "WriteConflicts", dimensions = {} } : { namespace = var.collected, metric = "todo_ledger_conflicts_total", dimensions = local.collected }
  collected = { Service = var.collected }

  # Alarms on the collector's metrics.
  collected_alarms = var.collected == null ? {} : {
    store-away = {
      description = "A server has had no answer from the store for three minutes: it serves what it remembers, and takes no writes."
      namespace   = var.collected, metric = "todo_store_away", statistic = "Maximum", dimensions = local.collected
      comparison  = "GreaterThanThreshold", threshold = 0, period = 60, evaluations = 3, missing = "notBreaching"
    }
    store-latency = {
      description = "Calls to the store took more than ${var.store_seconds} s on average, for a quarter of an hour."
      namespace   = var.collected, metric = "todo_store_call_duration_seconds", statistic = "Average", dimensions = local.collected
      comparison  = "GreaterThanThreshold", threshold = var.store_seconds, period = 300, evaluations = 3, missing = "notBreaching"
    }
  }

  # Tasks on instances may use idle CPU and memory beyond their reservation; on Fargate a task has a fixed size.
  most = var.fargate ? { cpu = 90, memory = 90 } : { cpu = 300, memory = 180 }

  credits = var.fargate ? {} : {
    cpu-credits = {
      description = "Instances used more CPU than they earned and AWS charges for it: fewer requests, more tasks or a larger instance."
      namespace   = "AWS/EC2", metric = "CPUSurplusCreditsCharged", statistic = "Sum", dimensions = { AutoScalingGroupName = var.autoscaling_group }
      comparison  = "GreaterThanThreshold", threshold = 0, period = 3600, evaluations = 1, missing = "notBreaching"
    }
  }

  # Alarms on one metric with one threshold.
  alarms = merge(local.collected_alarms, local.credits, {
    latency = {
      description = "The slowest hundredth of requests took longer than ${var.latency_seconds} s for five minutes."
      namespace   = "AWS/ApplicationELB", metric = "TargetResponseTime", statistic = "p99", dimensions = local.load_balancer
      comparison  = "GreaterThanThreshold", threshold = var.latency_seconds, period = 60, evaluations = 5, missing = "notBreaching"
    }
    unhealthy-hosts = {
      description = "A task failed its health checks for three minutes."
      namespace   = "AWS/ApplicationELB", metric = "UnHealthyHostCount", statistic = "Maximum", dimensions = local.target_group
      comparison  = "GreaterThanThreshold", threshold = 0, period = 60, evaluations = 3, missing = "notBreaching"
    }
    no-healthy-hosts = {
      description = "No task is healthy: the API does not answer. Also so until the first deployment."
      namespace   = "AWS/ApplicationELB", metric = "HealthyHostCount", statistic = "Minimum", dimensions = local.target_group
      comparison  = "LessThanThreshold", threshold = 1, period = 60, evaluations = 2, missing = "breaching"
    }
    unavailable = {
      description = "Answers of 503 for three minutes: the store does not answer (then /readyz is 503 too, and tasks stay), or a limit of the server is reached."
      namespace   = local.namespace, metric = "Unavailable", statistic = "Sum", dimensions = {}
      comparison  = "GreaterThanThreshold", threshold = 0, period = 60, evaluations = 3, missing = "notBreaching"
    }
    task-restarts = {
      description = "Tasks stopped by fault ${var.restarts} times or more in fifteen minutes; why is in the log of stopped tasks."
      namespace   = local.namespace, metric = "StoppedTasks", statistic = "Sum", dimensions = {}
      comparison  = "GreaterThanOrEqualToThreshold", threshold = var.restarts, period = 900, evaluations = 1, missing = "notBreaching"
    }
    write-conflicts = {
      description = "Writes were overtaken more than ${var.conflicts} times in five minutes, three times running: several servers contend for one list."
      namespace   = local.conflicts.namespace, metric = local.conflicts.metric, statistic = "Sum", dimensions = local.conflicts.dimensions
      comparison  = "GreaterThanThreshold", threshold = var.conflicts, period = 300, evaluations = 3, missing = "notBreaching"
    }
    memory = {
      description = "Tasks use more than ${local.most.memory} % of the memory they reserved for ten minutes."
      namespace   = "AWS/ECS", metric = "MemoryUtilization", statistic = "Maximum", dimensions = local.service
      comparison  = "GreaterThanThreshold", threshold = local.most.memory, period = 300, evaluations = 2, missing = "notBreaching"
    }
    cpu = {
      description = "Tasks use more than ${local.most.cpu} % of the CPU they reserved for fifteen minutes."
      namespace   = "AWS/ECS", metric = "CPUUtilization", statistic = "Average", dimensions = local.service
      comparison  = "GreaterThanThreshold", threshold = local.most.cpu, period = 300, evaluations = 3, missing = "notBreaching"
    }
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  dimensions          = each.value.dimensions
  period              = each.value.period
  evaluation_periods  = each.value.evaluations
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing

  # A percentile of few requests is meaningless.
  evaluate_low_sample_count_percentiles = startswith(each.value.statistic, "p") ? "ignore" : null

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}

# The sum of the load balancer's errors (no task, or no response from it) and the API's.
resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name          = "${var.name}-5xx"
  alarm_description   = "More than ${var.server_errors} answers were 5xx in each of three minutes. Deployments watch this alarm and go back."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.server_errors
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "errors"
    label       = "5xx a minute"
    expression  = "FILL(api, 0) + FILL(balancer, 0)"
    return_data = true
  }

  metric_query {
    id = "api"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      dimensions  = local.load_balancer
      period      = 60
      stat        = "Sum"
    }
  }

  metric_query {
    id = "balancer"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_ELB_5XX_Count"
      dimensions  = local.load_balancer
      period      = 60
      stat        = "Sum"
    }
  }

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}
