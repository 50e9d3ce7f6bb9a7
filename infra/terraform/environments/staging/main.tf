module "environment" {
  source = "../../modules/environment"

  project       = local.project
  name          = "staging"
  subdomain     = "staging"
  allow_destroy = var.allow_destroy

  instances = {
    types          = ["t3.micro", "t3a.micro"]
    on_demand_base = 0
    spot_share     = 100
  }

  waf     = { enabled = true }
  metrics = { enabled = true }
  logs    = { retention_days = 14 }
}
