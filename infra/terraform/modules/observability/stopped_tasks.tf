# ECS deletes a stopped task, with its reason, after an hour. The reasons of tasks that failed are logged
# and counted here.
resource "aws_cloudwatch_event_rule" "stopped_tasks" {
  name        = "${var.name}-stopped-tasks"
  description = "Tasks of ${var.name} that stopped by fault"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [var.cluster_arn]
      group      = ["service:${var.service}"]
      lastStatus = ["STOPPED"]
      # The scheduler also stops tasks for deployments; only the reason shows that health checks failed.
      "$or" = [
        { stopCode = ["EssentialContainerExited", "TaskFailedToStart"] },
        { stoppedReason = [{ prefix = "Task failed" }] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "stopped_tasks" {
  rule = aws_cloudwatch_event_rule.stopped_tasks.name
  arn  = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:log-group:${aws_cloudwatch_log_group.stopped_tasks.name}"
}

# The console finds a rule's target only below this path.
resource "aws_cloudwatch_log_group" "stopped_tasks" {
  #checkov:skip=CKV_AWS_158: CloudWatch encrypts with its own keys; a KMS key would cost more than the log

  name              = "/aws/events/${var.name}-stopped-tasks"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name = "${var.name}-stopped-tasks"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EventsWriteTheirLog"
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "delivery.logs.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:log-group:${aws_cloudwatch_log_group.stopped_tasks.name}:*"
    }]
  })
}

resource "aws_cloudwatch_log_metric_filter" "stopped_tasks" {
  name           = "${var.name}-stopped-tasks"
  log_group_name = aws_cloudwatch_log_group.stopped_tasks.name
  pattern        = "" # every event that matches the rule

  metric_transformation {
    namespace     = local.namespace
    name          = "StoppedTasks"
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }
}
