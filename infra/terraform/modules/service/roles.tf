data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id

  # Only ECS, and only for this account's tasks, which prevents the confused-deputy problem.
  ecs_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Tasks"
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.region}:${local.account}:*" }
      }
    }]
  })
}

resource "aws_iam_role" "task" {
  name               = "${var.family}-task"
  description        = "What the API's process may do"
  assume_role_policy = local.ecs_tasks

  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "task" {
  name   = "task"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat([for statement in var.task_role_statements : { for key, value in statement : key => value if value != null }], local.collector_statements) })
}

resource "aws_iam_role" "execution" {
  name               = "${var.family}-execution"
  description        = "What ECS may do to start the API: pull its image and write its log"
  assume_role_policy = local.ecs_tasks

  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "execution" {
  name = "execution"
  role = aws_iam_role.execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.secret_statements, [
      {
        Sid      = "PullImage"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = var.repository_arn
      },
      {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${local.account}:log-group:/${var.family}:*"
      },
    ])
  })
}

locals {
  secret_actions = { ssm = "ssm:GetParameters", secretsmanager = "secretsmanager:GetSecretValue" }

  secret_statements = [for service, arns in { for arn in values(var.secrets) : split(":", arn)[2] => arn... } : {
    Sid    = "ReadSecretsOf${title(service)}"
    Effect = "Allow"
    Action = local.secret_actions[service]
    # A secret's ARN may end in the key of a value in it.
    Resource = [for arn in sort(distinct(arns)) : join(":", slice(split(":", arn), 0, service == "ssm" ? 6 : 7))]
  }]
}
