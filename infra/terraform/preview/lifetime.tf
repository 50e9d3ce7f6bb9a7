# On the last day AWS stops the tasks, even if the rest is not destroyed.
resource "aws_scheduler_schedule" "end" {
  #checkov:skip=CKV_AWS_297: the names of a cluster and a service are no secret

  name                         = local.name
  description                  = "Stops the preview of pull request ${var.number}"
  schedule_expression          = "at(${var.until}T00:00:00)"
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${data.aws_partition.current.partition}:scheduler:::aws-sdk:ecs:updateService"
    role_arn = aws_iam_role.end.arn
    input    = jsonencode({ Cluster = local.beside.cluster_arn, Service = module.api.name, DesiredCount = 0 })
  }
}

resource "aws_iam_role" "end" {
  name        = "${local.name}-end"
  description = "Stops the preview of pull request ${var.number} on its last day"

  permissions_boundary = local.beside.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Scheduler"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "end" {
  name = "end"
  role = aws_iam_role.end.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StopThePreview"
      Effect   = "Allow"
      Action   = "ecs:UpdateService"
      Resource = "${replace(local.beside.cluster_arn, ":cluster/", ":service/")}/${local.name}"
    }]
  })
}
