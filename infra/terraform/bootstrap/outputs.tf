output "backend" {
  description = "Content of backend.hcl, which every root's init takes."
  value       = <<-EOT
    bucket = "${module.state.name}"
    region = "${local.project.region}"
  EOT
}

output "deploy_role_arns" {
  description = "ARN of the role that deploys, by environment: the GitHub environment's variable AWS_DEPLOY_ROLE."
  value       = { for name, role in aws_iam_role.deploy : name => "${local.role_arn}-${name}-deploy" }
}

output "plan_variables" {
  description = "What the workflow that plans reads: the GitHub repository's variables of these names."
  value = {
    AWS_PLAN_ROLE          = "${local.role_arn}-plan"
    AWS_REGION             = local.project.region
    TERRAFORM_STATE_BUCKET = module.state.name
  }
}
