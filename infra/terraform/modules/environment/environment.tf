data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

# The resources that all environments share, as published by the root shared.
data "aws_ssm_parameter" "shared" {
  name = "/${var.project.name}/shared"

  # Route 53 appends the zone's name to a name of another domain, and resolvers do not ask this zone for a delegated
  # domain: the certificate would never be issued. Records that an older shared published lack the domains and pass.
  lifecycle {
    postcondition {
      condition     = try(endswith(".${local.domain}", ".${jsondecode(self.insecure_value).zone_domain}"), true)
      error_message = "The zone of this account answers for ${try(jsondecode(self.insecure_value).zone_domain, "")}, and this environment is at ${local.domain}: it belongs to another account, or the domain in project.yaml or subdomain is wrong."
    }

    postcondition {
      condition     = !anytrue([for domain in try(jsondecode(self.insecure_value).delegated_domains, []) : endswith(".${local.domain}", ".${domain}")])
      error_message = "The zone of this account delegates ${local.domain} to another account, where this environment belongs."
    }
  }
}

locals {
  name    = "${var.project.name}-${var.name}"
  domain  = var.subdomain == null ? var.project.domain : "${var.subdomain}.${var.project.domain}"
  account = data.aws_caller_identity.current.account_id
  shared  = jsondecode(data.aws_ssm_parameter.shared.insecure_value)

  api         = "${var.project.name}-api"
  origin_name = "origin.${local.domain}"

  # The page may send requests to its issuer and to the issuer's other endpoints.
  issuers = compact([var.sign_in.client_id == null ? null : var.sign_in.issuer])
  # module.user_pool[*] would depend on the whole module, and its domain would be created before its predecessor is destroyed.
  connect_origins = distinct(concat([for issuer in local.issuers : lower(regex("^https://[^/]+", issuer))], var.sign_in.origins, var.sign_in.user_pool ? module.user_pool[0].origins : []))

  # The API's metrics that alarms and dashboard use: each has a monthly price.
  metrics = [for name in ["event_streams", "ledger_conflicts_total", "ledger_refused_total", "ledger_stale_reads_total", "ledger_waiting", "store_away", "store_call_duration_seconds", "store_failures_total"] : "todo_${name}"]
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
  alternative_names = concat([local.origin_name], local.preview_names)
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
  target_type          = local.fargate ? "ip" : "instance"
  deregistration_delay = var.tasks.deregistration_delay
  overwrite_records    = var.overwrite_records
  access_log_bucket    = module.logs.name
  allow_destroy        = var.allow_destroy
}

module "lists" {
  source = "../list_store"

  name              = "${local.name}-lists-${local.account}"
  noncurrent_days   = var.list_history_days
  copy_region       = var.list_copy_region
  expire_prefixes   = var.previews.enabled ? { "previews/" = var.previews.days } : {}
  access_log_bucket = module.logs.name
  allow_destroy     = var.allow_destroy
}

module "api" {
  source = "../service"

  name                 = local.api
  family               = "${local.name}-api"
  cluster_arn          = local.cluster_arn
  capacity_providers   = local.capacity_providers
  target_group_arn     = module.load_balancer.target_group_arn
  repository_url       = local.shared.repository_url
  repository_arn       = local.shared.repository_arn
  image                = var.image
  desired_count        = var.tasks.count
  cpu                  = var.tasks.cpu
  cpu_architecture     = local.cpu_architecture
  memory_reservation   = var.tasks.memory_reservation
  memory_limit         = var.tasks.memory_limit
  secrets              = var.tasks.secrets
  volumes              = var.tasks.volumes
  placement            = var.tasks.placement
  stop_timeout         = var.tasks.stop_timeout
  metrics              = var.metrics.enabled ? { names = local.metrics, image = var.metrics.image } : null
  task_role_statements = module.lists.access_statements
  deployment_alarms    = module.observability.deployment_alarms
  log_retention_days   = var.logs.retention_days
  allow_destroy        = var.allow_destroy

  fargate = local.fargate_network

  environment = merge({
    TODO_LISTEN = ":8080"
    TODO_STORE  = module.lists.url
    # Trusted, because only CloudFront, which sets it, reaches the load balancer.
    TODO_CLIENT_ADDRESS_HEADER = "CloudFront-Viewer-Address"
  }, module.sign_in.environment, { for valkey in module.valkey : "TODO_HINTS" => valkey.url }, var.tasks.environment)
}

module "valkey" {
  source = "../valkey"
  count  = var.valkey ? 1 : 0

  name                     = local.name
  vpc_id                   = local.shared.vpc_id
  subnet_ids               = local.shared.private_subnet_ids
  client_security_group_id = local.fargate ? module.api.security_group_id : module.instances[0].security_group_id
}

module "user_pool" {
  source = "../user_pool"
  count  = var.sign_in.user_pool ? 1 : 0

  name          = local.name
  domain_prefix = "${local.name}-${local.account}"
  addresses     = ["https://${local.domain}/"]
  allow_destroy = var.allow_destroy
}

module "sign_in" {
  source = "../sign_in"

  sign_in = {
    issuer    = var.sign_in.issuer
    audience  = var.sign_in.audience
    client_id = var.sign_in.client_id
    user_pool = var.sign_in.user_pool ? module.user_pool[0].environment : null
    allow     = var.sign_in.allow
  }
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

  overwrite_records  = var.overwrite_records
  api_origin_headers = module.load_balancer.origin_headers

  hsts_include_subdomains = var.hsts_include_subdomains
  connect_origins         = local.connect_origins

  web_acl_arn       = one(module.web_firewall[*].arn)
  access_log_bucket = module.logs.name
  allow_destroy     = var.allow_destroy
}

module "observability" {
  source = "../observability"

  name               = local.name
  alarm_email        = var.project.alarm_email
  cluster            = aws_ecs_cluster.this.name
  cluster_arn        = local.cluster_arn
  service            = local.api
  load_balancer      = module.load_balancer.arn_suffix
  target_group       = module.load_balancer.target_group_arn_suffix
  log_group          = module.api.log_group
  fargate            = local.fargate
  autoscaling_group  = one(module.instances[*].autoscaling_group)
  server_errors      = var.alarms.server_errors
  latency_seconds    = var.alarms.latency_seconds
  restarts           = var.alarms.restarts
  conflicts          = var.alarms.conflicts
  store_seconds      = var.alarms.store_seconds
  collected          = var.metrics.enabled ? "${local.name}-api" : null
  log_retention_days = var.logs.retention_days
}
