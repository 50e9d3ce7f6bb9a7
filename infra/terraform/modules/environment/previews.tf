locals {
  preview_domain = "preview.${local.domain}"
  preview_names  = var.previews.enabled ? ["*.${local.preview_domain}"] : []

  # Resources that the root preview uses.
  previews = {
    domain             = local.preview_domain
    cluster_arn        = local.cluster_arn
    capacity_providers = local.capacity_providers
    cpu_architecture   = local.cpu_architecture
    fargate            = local.fargate_network
    vpc_id             = local.shared.vpc_id
    listener_arn       = module.load_balancer.listener_arn
    repository_url     = local.shared.repository_url
    repository_arn     = local.shared.repository_arn
    lists_bucket       = module.lists.name

    permissions_boundary = local.preview_boundary
  }
}

module "preview_site" {
  source = "../preview_site"
  count  = var.previews.enabled ? 1 : 0

  name            = "${local.name}-preview"
  domain          = local.preview_names[0]
  zone_id         = local.shared.zone_id
  certificate_arn = module.certificate.arns["us-east-1"]
  api_origin      = module.load_balancer.origin
  price_class     = var.price_class
  web_acl_arn     = one(module.web_firewall[*].arn)
}

resource "aws_ssm_parameter" "previews" {
  #checkov:skip=CKV2_AWS_34: ids and names, no secret; a plain parameter needs no key to read

  count = var.previews.enabled ? 1 : 0

  name           = "/${var.project.name}/${var.name}/previews"
  description    = "What previews beside ${var.name} build on; read by infra/terraform/preview"
  type           = "String"
  insecure_value = jsonencode(local.previews)
}

locals {
  preview_role     = "${local.name}-preview"
  preview_boundary = "arn:${local.partition}:iam::${local.account}:policy/${local.preview_role}-boundary"
  preview_roles    = "arn:${local.partition}:iam::${local.account}:role/${local.preview_role}-*"
  preview_services = "${local.ecs}:service/${local.name}/${local.preview_role}-*"
  preview_tasks    = "${local.ecs}:task-definition/${local.preview_role}-*:*"
  preview_logs     = "arn:${local.partition}:logs:${var.project.region}:${local.account}:log-group:/${local.preview_role}-*"

  elb = "arn:${local.partition}:elasticloadbalancing:${var.project.region}:${local.account}"
  ec2 = "arn:${local.partition}:ec2:${var.project.region}:${local.account}"

  # The tag of all resources of the root preview, which identifies those whose names AWS chooses.
  is_preview   = { StringEquals = { "aws:ResourceTag/Part" = "${var.name}-preview" } }
  made_preview = { StringEquals = { "aws:RequestTag/Part" = "${var.name}-preview" } }
}

# Maximum permissions of a preview's roles, whatever the pull request writes into their policies.
resource "aws_iam_policy" "preview_boundary" {
  count = var.previews.enabled ? 1 : 0

  name        = "${local.preview_role}-boundary"
  description = "The most that the roles of a preview beside ${var.name} may do"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ListsOfPreviews"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "arn:${local.partition}:s3:::${module.lists.name}/previews/*"
      },
      {
        Sid      = "TellMissingFromForbidden"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:${local.partition}:s3:::${module.lists.name}"
      },
      {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "PullImage"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.shared.repository_arn
      },
      {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${local.preview_logs}:*"
      },
      {
        Sid      = "StopPreviews"
        Effect   = "Allow"
        Action   = "ecs:UpdateService"
        Resource = local.preview_services
      },
    ]
  })
}

# The root bootstrap defines the role and its trust policy. It can create roles only with the boundary.
resource "aws_iam_role_policy" "preview" {
  count = var.previews.enabled ? 1 : 0

  name = "preview"
  role = local.preview_role

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(module.deploy_policy.push_statements, [
      {
        Sid      = "ReadWhatPreviewsBuildOn"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "arn:${local.partition}:ssm:${var.project.region}:${local.account}:parameter/${var.project.name}/${var.name}/previews"
      },
      {
        Sid       = "MakeBoundedRoles"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:PutRolePolicy"]
        Resource  = local.preview_roles
        Condition = { StringEquals = { "iam:PermissionsBoundary" = local.preview_boundary } }
      },
      {
        Sid    = "KeepRoles"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
          "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:TagRole",
        ]
        Resource = local.preview_roles
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.preview_roles
        Condition = { StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com", "scheduler.amazonaws.com"] } }
      },
      {
        Sid      = "RunTasks"
        Effect   = "Allow"
        Action   = ["ecs:CreateService", "ecs:DeleteService", "ecs:DescribeServices", "ecs:RegisterTaskDefinition", "ecs:UpdateService"]
        Resource = [local.preview_services, local.preview_tasks]
      },
      {
        Sid       = "TagTasks"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = [local.preview_services, local.preview_tasks]
        Condition = { StringEquals = { "ecs:CreateAction" = ["CreateService", "RegisterTaskDefinition"] } }
      },
      {
        # These actions have no resources.
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "ecs:DescribeTaskDefinition", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags",
          "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups", "logs:DescribeLogGroups",
        ]
        Resource = "*"
      },
      {
        Sid       = "MakeWayIn"
        Effect    = "Allow"
        Action    = ["elasticloadbalancing:CreateRule", "elasticloadbalancing:CreateTargetGroup"]
        Resource  = ["${local.elb}:listener/app/*", "${local.elb}:targetgroup/*"]
        Condition = local.made_preview
      },
      {
        Sid       = "TagWayIn"
        Effect    = "Allow"
        Action    = "elasticloadbalancing:AddTags"
        Resource  = ["${local.elb}:listener-rule/app/*", "${local.elb}:targetgroup/*"]
        Condition = { StringEquals = { "elasticloadbalancing:CreateAction" = ["CreateRule", "CreateTargetGroup"] } }
      },
      {
        Sid    = "KeepWayIn"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:DeleteRule", "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:ModifyRule",
          "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
        ]
        Resource  = ["${local.elb}:listener-rule/app/*", "${local.elb}:targetgroup/*"]
        Condition = local.is_preview
      },
      {
        Sid    = "KeepLog"
        Effect = "Allow"
        Action = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource"]
        # IAM checks the group with or without the streams' suffix, depending on the action.
        Resource = [local.preview_logs, "${local.preview_logs}:*"]
      },
      {
        Sid      = "KeepLastDay"
        Effect   = "Allow"
        Action   = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:GetSchedule", "scheduler:UpdateSchedule"]
        Resource = "arn:${local.partition}:scheduler:${var.project.region}:${local.account}:schedule/default/${local.preview_role}-*"
      },
    ], [for statement in local.preview_network_statements : statement if local.fargate])
  })
}

# On Fargate, tasks have their own security group, which the environment's load balancer may reach.
locals {
  preview_network_statements = [
    {
      Sid       = "MakeSecurityGroup"
      Effect    = "Allow"
      Action    = ["ec2:CreateSecurityGroup"]
      Resource  = ["${local.ec2}:security-group/*"]
      Condition = local.made_preview
    },
    {
      Sid       = "MakeItInTheNetwork"
      Effect    = "Allow"
      Action    = ["ec2:CreateSecurityGroup"]
      Resource  = ["${local.ec2}:vpc/${local.shared.vpc_id}"]
      Condition = {}
    },
    {
      Sid       = "TagSecurityGroup"
      Effect    = "Allow"
      Action    = ["ec2:CreateTags"]
      Resource  = ["${local.ec2}:security-group/*", "${local.ec2}:security-group-rule/*"]
      Condition = { StringEquals = { "ec2:CreateAction" = ["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup"] } }
    },
    {
      Sid       = "KeepSecurityGroup"
      Effect    = "Allow"
      Action    = ["ec2:AuthorizeSecurityGroupIngress", "ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupIngress"]
      Resource  = ["${local.ec2}:security-group/*"]
      Condition = local.is_preview
    },
    {
      Sid       = "LetTheLoadBalancerIn"
      Effect    = "Allow"
      Action    = ["ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress"]
      Resource  = ["${local.ec2}:security-group/*"]
      Condition = { StringEquals = { "aws:ResourceTag/Part" = [var.name, "${var.name}-preview"] } }
    },
    {
      Sid       = "MakeRules"
      Effect    = "Allow"
      Action    = ["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"]
      Resource  = ["${local.ec2}:security-group-rule/*"]
      Condition = local.made_preview
    },
    {
      Sid       = "LookAtSecurityGroups"
      Effect    = "Allow"
      Action    = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups"]
      Resource  = ["*"]
      Condition = {}
    },
  ]
}
