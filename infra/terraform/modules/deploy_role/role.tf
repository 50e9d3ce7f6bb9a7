data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

# Who may deploy is said here, what that takes where it is known: the environment attaches the permissions.
resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Deploys ${var.repository} to ${var.environment}"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "WorkflowOfThisRepositoryAndEnvironment"
      Effect    = "Allow"
      Principal = { Federated = var.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:${var.repository}:environment:${var.environment}"
        }
      }
    }]
  })
}
