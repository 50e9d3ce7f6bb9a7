output "deploy" {
  description = "Settings of deployments; see the README of infra/terraform."
  value       = module.environment.deploy
}

output "site_url" {
  description = "Address of the site."
  value       = module.environment.site_url
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.environment.dashboard
}
