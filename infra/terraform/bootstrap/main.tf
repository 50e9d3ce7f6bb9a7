data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # One role per directory of environments.
  environments = coalesce(var.environments, toset([for path in fileset("${path.module}/../environments", "*/main.tf") : dirname(path)]))

  github = "token.actions.githubusercontent.com"
  oidc_provider_arn = coalesce(
    var.github_oidc_provider_arn,
    "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${local.github}",
  )
}

module "state" {
  source = "../modules/bucket"

  name            = "${local.project.name}-terraform-state-${data.aws_caller_identity.current.account_id}"
  noncurrent_days = 365
  allow_destroy   = var.allow_destroy
}

# An account has one for each issuer.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
}
