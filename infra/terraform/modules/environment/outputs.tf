output "deploy" {
  description = "What a deployment reads; the same object is in the SSM parameter /<project>/<name>/deploy."
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
  description = "What the deploy role may do, for tests and for reading."
  value       = aws_iam_role_policy.deploy.policy
}
