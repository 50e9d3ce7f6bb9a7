locals {
  preview_domain = "preview.${local.domain}"
  preview_names  = var.previews.enabled ? ["*.${local.preview_domain}"] : []

  # What the root preview builds on.
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
