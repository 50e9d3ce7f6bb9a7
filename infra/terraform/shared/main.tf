data "aws_caller_identity" "current" {}

locals {
  name    = local.project.name
  account = data.aws_caller_identity.current.account_id

  shared = {
    vpc_id                          = module.network.vpc_id
    public_subnet_ids               = module.network.public_subnet_ids
    private_subnet_ids              = module.network.private_subnet_ids
    instance_subnet_ids             = module.network.instance_subnet_ids
    instances_have_public_addresses = module.network.instances_have_public_addresses
    zone_id                         = module.dns_zone.zone_id
    zone_domain                     = module.dns_zone.domain
    delegated_domains               = keys(var.delegations)
    repository_name                 = module.registry.name
    repository_arn                  = module.registry.arn
    repository_url                  = module.registry.url
    key_name                        = module.ssh_key.key_name
  }
}

module "logs" {
  source = "../modules/log_bucket"

  name          = "${local.name}-shared-logs-${local.account}"
  allow_destroy = var.allow_destroy
}

module "network" {
  source = "../modules/network"

  name                = local.name
  cidr                = var.cidr
  zones               = var.zones
  egress              = var.egress
  flow_log_bucket_arn = module.logs.arn
}

module "dns_zone" {
  source = "../modules/dns_zone"

  domain           = coalesce(var.domain, local.project.domain)
  existing_zone_id = var.existing_zone_id
  allow_destroy    = var.allow_destroy
}

# Delegations to zones in other accounts.
resource "aws_route53_record" "delegation" {
  for_each = var.delegations

  zone_id = module.dns_zone.zone_id
  name    = each.key
  type    = "NS"
  ttl     = 3600
  records = each.value

  lifecycle {
    precondition {
      condition     = endswith(each.key, ".${module.dns_zone.domain}")
      error_message = "delegations are domains below ${module.dns_zone.domain}, for which this account's zone answers; got ${each.key}."
    }
  }
}

module "registry" {
  source = "../modules/registry"

  name          = "${local.name}-api"
  allow_destroy = var.allow_destroy
}

module "ssh_key" {
  source = "../modules/ssh_key"

  key_name          = local.name
  generation        = var.ssh_key_generation
  bucket            = "${local.name}-ssh-keys-${local.account}"
  keydeposit        = var.keydeposit
  access_log_bucket = module.logs.name
  allow_destroy     = var.allow_destroy
}

# Environments read this instead of the state.
resource "aws_ssm_parameter" "shared" {
  #checkov:skip=CKV2_AWS_34: ids and names, no secret; a plain parameter needs no key to read

  name           = "/${local.name}/shared"
  description    = "What the environments share; written by infra/terraform/shared"
  type           = "String"
  insecure_value = jsonencode(local.shared)
}
