module "environment" {
  source = "../../modules/environment"

  project       = local.project
  name          = "fargate"
  subdomain     = "fargate"
  allow_destroy = var.allow_destroy

  fargate = { enabled = true }
  waf     = { enabled = true }
  metrics = { enabled = true }
  logs    = { retention_days = 90 }
}
