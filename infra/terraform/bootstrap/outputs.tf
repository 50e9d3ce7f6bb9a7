output "backend" {
  description = "Content of backend.hcl, which every root's init takes."
  value       = <<-EOT
    bucket = "${module.state.name}"
    region = "${local.project.region}"
  EOT
}

output "deploy_role_arns" {
  description = "ARN of the role that deploys, by environment: the GitHub environment's variable AWS_DEPLOY_ROLE."
  value       = { for name, role in module.deploy_role : name => role.arn }
}
