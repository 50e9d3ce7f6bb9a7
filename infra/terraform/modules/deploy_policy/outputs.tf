locals {
  ecs = "arn:${var.deploy.partition}:ecs:${var.deploy.region}:${var.deploy.account_id}"
  s3  = "arn:${var.deploy.partition}:s3:::"

  push = [
    {
      Sid      = "LogInToRegistry"
      Effect   = "Allow"
      Action   = "ecr:GetAuthorizationToken"
      Resource = "*"
    },
    {
      Sid    = "PushImage"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
      ]
      Resource = var.deploy.repository_arn
    },
  ]
}

output "push_statements" {
  description = "The statements of the policy that let a role push images."
  value       = local.push
}

output "json" {
  description = "The policy: exactly the calls of the playbooks, on the environment's resources."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.push, [
      {
        Sid      = "ReadDeployRecord"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "arn:${var.deploy.partition}:ssm:${var.deploy.region}:${var.deploy.account_id}:parameter${var.deploy.parameter}"
      },
      {
        Sid      = "RegisterTaskDefinition"
        Effect   = "Allow"
        Action   = "ecs:RegisterTaskDefinition"
        Resource = "${local.ecs}:task-definition/${var.deploy.task_family}:*"
      },
      {
        # This action has no resources.
        Sid      = "ReadTaskDefinitions"
        Effect   = "Allow"
        Action   = "ecs:DescribeTaskDefinition"
        Resource = "*"
      },
      {
        Sid       = "TagTaskDefinition"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = "${local.ecs}:task-definition/${var.deploy.task_family}:*"
        Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
      },
      {
        Sid      = "PassTheTwoRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = [var.deploy.task_role_arn, var.deploy.execution_role_arn]
        Condition = {
          StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
        }
      },
      {
        Sid      = "UpdateService"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
        Resource = "${local.ecs}:service/${var.deploy.cluster}/${var.deploy.service}"
      },
      {
        Sid       = "WatchTasks"
        Effect    = "Allow"
        Action    = ["ecs:DescribeTasks", "ecs:ListTasks"]
        Resource  = "*"
        Condition = { ArnEquals = { "ecs:cluster" = var.deploy.cluster_arn } }
      },
      {
        # One-off tasks with the image and the roles of the service.
        Sid       = "RunTask"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = "${local.ecs}:task-definition/${var.deploy.task_family}:*"
        Condition = { ArnEquals = { "ecs:cluster" = var.deploy.cluster_arn } }
      },
      {
        # IAM checks the group with or without the streams' suffix, depending on the form of the request.
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = ["logs:FilterLogEvents", "logs:GetLogEvents"]
        Resource = formatlist("arn:${var.deploy.partition}:logs:${var.deploy.region}:${var.deploy.account_id}:log-group:${var.deploy.log_group}%s", ["", ":*"])
      },
      {
        Sid      = "ListBuckets"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = ["${local.s3}${var.deploy.website_bucket}", "${local.s3}${var.deploy.releases_bucket}"]
      },
      {
        Sid      = "PublishPage"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "${local.s3}${var.deploy.website_bucket}/*"
      },
      {
        Sid      = "KeepRecords"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "${local.s3}${var.deploy.releases_bucket}/${var.deploy.releases_prefix}*"
      },
      {
        Sid      = "ReleaseLock"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = "${local.s3}${var.deploy.releases_bucket}/${var.deploy.releases_prefix}lock.json"
      },
      {
        Sid      = "InvalidatePage"
        Effect   = "Allow"
        Action   = "cloudfront:CreateInvalidation"
        Resource = var.deploy.distribution_arn
      },
    ])
  })
}
