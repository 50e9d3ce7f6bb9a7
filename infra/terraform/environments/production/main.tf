module "environment" {
  source = "../../modules/environment"

  project       = local.project
  name          = "production"
  subdomain     = null
  allow_destroy = var.allow_destroy

  instances = {
    types          = ["t3.micro"]
    on_demand_base = 2
    spot_share     = 0
  }

  waf     = { enabled = true }
  metrics = { enabled = true }
  logs    = { retention_days = 90 }
}
