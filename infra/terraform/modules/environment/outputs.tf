output "deploy" {
  description = "Settings of deployments; the same object is in the SSM parameter /<project>/<name>/deploy."
  value       = local.deploy
}

output "site_url" {
  description = "Address of the site."
  value       = module.website.url
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = local.name
}

output "deploy_policy_json" {
  description = "Policy of the deploy role, for tests and reviews."
  value       = aws_iam_role_policy.deploy.policy
}
