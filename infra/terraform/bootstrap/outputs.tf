output "backend" {
  description = "Content of backend.hcl, which every root's init reads."
  value       = <<-EOT
    bucket = "${module.state.name}"
    region = "${local.project.region}"
  EOT
}

output "deploy_role_arns" {
  description = "ARN of the role that deploys, by environment: the GitHub environment's variable AWS_DEPLOY_ROLE."
  value       = { for name, role in aws_iam_role.deploy : name => "${local.role_arn}-${name}-deploy" }
}

output "plans" {
  description = "Value of the GitHub repository's variable TERRAFORM_PLANS, which the planning workflow reads. Lists of two accounts are joined to one."
  value = jsonencode([for name in sort(local.environments) : {
    environment  = name
    role         = "${local.role_arn}-plan"
    region       = local.project.region
    state_bucket = module.state.name
  }])
}

output "preview_variables" {
  description = "Variables of the GitHub environment <name>-preview, which the preview workflow reads, by environment."
  value = { for name, role in aws_iam_role.preview : name => {
    AWS_PREVIEW_ROLE = "${local.role_arn}-${name}-preview"
    AWS_REGION       = local.project.region
    STATE_BUCKET     = module.state.name
  } }
}
