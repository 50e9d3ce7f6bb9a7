# One pull request in an environment: it uses its load balancer, cluster and bucket, with its own host name and prefix.
data "aws_ssm_parameter" "previews" {
  name = "/${local.project.name}/${var.environment}/previews"
}

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

locals {
  beside = jsondecode(data.aws_ssm_parameter.previews.insecure_value)
  name   = "${local.project.name}-${var.environment}-preview-${var.number}"
  host   = "${var.number}.${local.beside.domain}"
}

module "lists" {
  source = "../modules/list_access"

  bucket = local.beside.lists_bucket
  prefix = "previews/${var.number}"
}

module "api" {
  source = "../modules/service"

  name                 = local.name
  family               = local.name
  cluster_arn          = local.beside.cluster_arn
  capacity_providers   = local.beside.capacity_providers
  cpu_architecture     = local.beside.cpu_architecture
  fargate              = local.beside.fargate
  target_group_arn     = aws_lb_listener_rule.this.action[0].target_group_arn
  repository_url       = local.beside.repository_url
  repository_arn       = local.beside.repository_arn
  image                = var.image
  desired_count        = 1
  task_role_statements = module.lists.statements
  permissions_boundary = local.beside.permissions_boundary
  log_retention_days   = 7

  environment = {
    TODO_LISTEN                = ":8080"
    TODO_STORE                 = module.lists.url
    TODO_RELEASE               = "pull request ${var.number}"
    TODO_CLIENT_ADDRESS_HEADER = "CloudFront-Viewer-Address"
  }
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378: TLS ends at the load balancer; tasks are reached inside the VPC by security group

  name_prefix          = substr("p${var.number}-", 0, 6)
  vpc_id               = local.beside.vpc_id
  target_type          = local.beside.fargate == null ? "instance" : "ip"
  protocol             = "HTTP"
  port                 = 80 # a default that the tasks' own ports always override
  deregistration_delay = 15

  health_check {
    path    = "/livez"
    matcher = "200"
  }

  tags = { Name = local.name }

  lifecycle {
    create_before_destroy = true
  }
}

# Before the environment's rule, which is the last.
resource "aws_lb_listener_rule" "this" {
  listener_arn = local.beside.listener_arn
  priority     = var.number

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  condition {
    host_header {
      values = [local.host]
    }
  }
}
