module "environment" {
  source = "../../modules/environment"

  project       = local.project
  name          = "small"
  subdomain     = null
  allow_destroy = var.allow_destroy

  instances = {
    types          = ["t3.micro"]
    min            = 1
    max            = 2
    on_demand_base = 2
  }

  tasks = { count = 1 }
  waf   = { enabled = false }
  logs  = { retention_days = 14, container_insights = "disabled" }
}
