# Release records, the pages of earlier releases and the deployments' lock.
module "releases" {
  source = "../bucket"

  name              = "${local.name}-releases-${local.account}"
  access_log_bucket = module.logs.name
  allow_destroy     = var.allow_destroy
}

locals {
  deploy_role = "${local.name}-deploy"
  parameter   = "/${var.project.name}/${var.name}/deploy"

  deploy = {
    environment             = var.name
    region                  = var.project.region
    account_id              = local.account
    site_url                = module.website.url
    repository_url          = local.shared.repository_url
    repository_name         = local.shared.repository_name
    cluster                 = aws_ecs_cluster.this.name
    service                 = module.api.name
    task_family             = module.api.family
    container               = module.api.container
    desired_count           = var.tasks.count
    task_role_arn           = module.api.task_role_arn
    execution_role_arn      = module.api.execution_role_arn
    website_bucket          = module.website.bucket
    distribution_id         = module.website.distribution_id
    releases_bucket         = module.releases.name
    releases_prefix         = "deployments/"
    lists_bucket            = module.lists.name
    lists_prefix            = module.lists.prefix
    store_url               = module.lists.url
    log_group               = module.api.log_group
    stopped_tasks_log_group = module.observability.stopped_tasks_log_group
    deploy_role_arn         = "arn:${local.partition}:iam::${local.account}:role/${local.deploy_role}"
  }

  partition = data.aws_partition.current.partition
  ecs       = "arn:${local.partition}:ecs:${var.project.region}:${local.account}"
  s3        = "arn:${local.partition}:s3:::"
}

resource "aws_ssm_parameter" "deploy" {
  #checkov:skip=CKV2_AWS_34: ids and names, no secret; a plain parameter needs no key to read

  name           = local.parameter
  description    = "What a deployment to ${var.name} reads; infra/terraform/README.md says what each key means"
  type           = "String"
  insecure_value = jsonencode(local.deploy)
}

# The root bootstrap made the role and says who may take it; this is all that it may do.
resource "aws_iam_role_policy" "deploy" {
  name = "deploy"
  role = local.deploy_role

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadDeployRecord"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "arn:${local.partition}:ssm:${var.project.region}:${local.account}:parameter${local.parameter}"
      },
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
        Resource = local.shared.repository_arn
      },
      {
        Sid      = "RegisterTaskDefinition"
        Effect   = "Allow"
        Action   = "ecs:RegisterTaskDefinition"
        Resource = "${local.ecs}:task-definition/${local.deploy.task_family}:*"
      },
      {
        # This action knows no resources.
        Sid      = "ReadTaskDefinitions"
        Effect   = "Allow"
        Action   = "ecs:DescribeTaskDefinition"
        Resource = "*"
      },
      {
        Sid       = "TagTaskDefinition"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = "${local.ecs}:task-definition/${local.deploy.task_family}:*"
        Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
      },
      {
        Sid      = "PassTheTwoRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = [local.deploy.task_role_arn, local.deploy.execution_role_arn]
        Condition = {
          StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
        }
      },
      {
        Sid      = "UpdateService"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
        Resource = "${local.ecs}:service/${local.name}/${local.api}"
      },
      {
        Sid       = "WatchTasks"
        Effect    = "Allow"
        Action    = ["ecs:DescribeTasks", "ecs:ListTasks"]
        Resource  = "*"
        Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
      },
      {
        # A command in a task of its own, with the image and the roles of the service.
        Sid       = "RunTask"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = "${local.ecs}:task-definition/${local.deploy.task_family}:*"
        Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
      },
      {
        # IAM asks for the group with and without the streams' suffix, depending on the form of the request.
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = "logs:FilterLogEvents"
        Resource = formatlist("arn:${local.partition}:logs:${var.project.region}:${local.account}:log-group:${module.api.log_group}%s", ["", ":*"])
      },
      {
        Sid      = "ListBuckets"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = ["${local.s3}${module.website.bucket}", "${local.s3}${module.releases.name}"]
      },
      {
        Sid      = "PublishPage"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "${local.s3}${module.website.bucket}/*"
      },
      {
        Sid      = "KeepRecords"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "${local.s3}${module.releases.name}/${local.deploy.releases_prefix}*"
      },
      {
        Sid      = "ReleaseLock"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = "${local.s3}${module.releases.name}/${local.deploy.releases_prefix}lock.json"
      },
      {
        Sid      = "InvalidatePage"
        Effect   = "Allow"
        Action   = "cloudfront:CreateInvalidation"
        Resource = module.website.distribution_arn
      },
    ]
  })
}
