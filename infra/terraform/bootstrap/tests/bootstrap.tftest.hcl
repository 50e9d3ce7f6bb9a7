mock_provider "aws" {
  source = "../test/mocks"
}

run "a_deploy_role_for_each_environment" {
  command = plan

  assert {
    condition     = toset(keys(output.deploy_role_arns)) == toset([for path in fileset("${path.root}/../environments", "*/main.tf") : dirname(path)]) && contains(keys(output.deploy_role_arns), "production") && contains(keys(output.deploy_role_arns), "staging")
    error_message = "got ${jsonencode(keys(output.deploy_role_arns))}"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 1 && strcontains(output.backend, "terraform-state-123456789012")
    error_message = "want the identity provider and the backend's settings; got ${output.backend}"
  }
}

run "provider_that_is_there" {
  command = plan
  variables {
    github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "nothing is made where a provider is named"
  }
}

run "rejects_provider" {
  command = plan
  variables {
    github_oidc_provider_arn = "github"
  }
  expect_failures = [var.github_oidc_provider_arn]
}
