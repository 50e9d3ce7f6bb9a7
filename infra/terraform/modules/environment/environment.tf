data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

# What all environments share, as the root shared published it.
data "aws_ssm_parameter" "shared" {
  name = "/${var.project.name}/shared"
}

locals {
  name    = "${var.project.name}-${var.name}"
  domain  = var.subdomain == null ? var.project.domain : "${var.subdomain}.${var.project.domain}"
  account = data.aws_caller_identity.current.account_id
  shared  = jsondecode(data.aws_ssm_parameter.shared.insecure_value)

  api         = "${var.project.name}-api"
  origin_name = "origin.${local.domain}"
}

module "logs" {
  source = "../log_bucket"

  name           = "${local.name}-logs-${local.account}"
  retention_days = var.logs.access_log_days
  allow_destroy  = var.allow_destroy
}

module "certificate" {
  source = "../certificate"

  domain            = local.domain
  alternative_names = [local.origin_name]
  regions           = [var.project.region, "us-east-1"]
  zone_id           = local.shared.zone_id
}

module "load_balancer" {
  source = "../load_balancer"

  name                 = local.name
  vpc_id               = local.shared.vpc_id
  private_subnet_ids   = local.shared.private_subnet_ids
  public_subnet_ids    = local.shared.public_subnet_ids
  api_origin           = var.api_origin
  origin_domain        = local.origin_name
  zone_id              = local.shared.zone_id
  certificate_arn      = module.certificate.arns[var.project.region]
  deregistration_delay = var.tasks.deregistration_delay
  access_log_bucket    = module.logs.name
  allow_destroy        = var.allow_destroy
}

module "cluster" {
  source = "../cluster"

  name                            = local.name
  vpc_id                          = local.shared.vpc_id
  subnet_ids                      = local.shared.instance_subnet_ids
  public_addresses                = local.shared.instances_have_public_addresses
  load_balancer_security_group_id = module.load_balancer.security_group_id
  key_name                        = local.shared.key_name
  instance_types                  = var.instances.types
  min_instances                   = var.instances.min
  max_instances                   = var.instances.max
  on_demand_base                  = var.instances.on_demand_base
  spot_share                      = var.instances.spot_share
  disk_gib                        = var.instances.disk_gib
  container_insights              = var.logs.container_insights
  allow_destroy                   = var.allow_destroy
}

module "lists" {
  source = "../list_store"

  name              = "${local.name}-lists-${local.account}"
  noncurrent_days   = var.list_history_days
  access_log_bucket = module.logs.name
  allow_destroy     = var.allow_destroy
}

module "api" {
  source = "../service"

  name                 = local.api
  family               = "${local.name}-api"
  cluster_arn          = module.cluster.arn
  capacity_provider    = module.cluster.capacity_provider
  target_group_arn     = module.load_balancer.target_group_arn
  repository_url       = local.shared.repository_url
  repository_arn       = local.shared.repository_arn
  image                = var.image
  desired_count        = var.tasks.count
  cpu                  = var.tasks.cpu
  memory_reservation   = var.tasks.memory_reservation
  memory_limit         = var.tasks.memory_limit
  volumes              = var.tasks.volumes
  placement            = var.tasks.placement
  stop_timeout         = var.tasks.stop_timeout
  task_role_statements = module.lists.access_statements
  deployment_alarms    = module.observability.deployment_alarms
  log_retention_days   = var.logs.retention_days
  allow_destroy        = var.allow_destroy

  environment = merge({
    TODO_LISTEN = ":8080"
    TODO_STORE  = module.lists.url
    # To be believed because nobody reaches the load balancer but through CloudFront, which sets it.
    TODO_CLIENT_ADDRESS_HEADER = "CloudFront-Viewer-Address"
  }, var.tasks.environment)
}

module "web_firewall" {
  source = "../web_firewall"
  count  = var.waf.enabled ? 1 : 0

  name               = local.name
  rate_limit         = var.waf.rate_limit
  log_retention_days = var.logs.retention_days
}

module "website" {
  source = "../website"

  name            = local.name
  domain          = local.domain
  zone_id         = local.shared.zone_id
  certificate_arn = module.certificate.arns["us-east-1"]
  bucket          = "${local.name}-website-${local.account}"
  api_origin      = module.load_balancer.origin
  price_class     = var.price_class

  hsts_include_subdomains = var.hsts_include_subdomains

  web_acl_arn       = one(module.web_firewall[*].arn)
  access_log_bucket = module.logs.name
  allow_destroy     = var.allow_destroy
}

module "observability" {
  source = "../observability"

  name               = local.name
  alarm_email        = var.project.alarm_email
  cluster            = module.cluster.name
  cluster_arn        = module.cluster.arn
  service            = local.api
  load_balancer      = module.load_balancer.arn_suffix
  target_group       = module.load_balancer.target_group_arn_suffix
  log_group          = module.api.log_group
  server_errors      = var.alarms.server_errors
  latency_seconds    = var.alarms.latency_seconds
  restarts           = var.alarms.restarts
  conflicts          = var.alarms.conflicts
  log_retention_days = var.logs.retention_days
}
