mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name              = "todo-staging-deploy"
  repository        = "gchamon/devops-challenge"
  environment       = "staging"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
}

run "bound_to_repository_and_environment" {
  command = plan

  assert {
    condition = jsondecode(output.trust_policy_json).Statement == [{
      Sid       = "WorkflowOfThisRepositoryAndEnvironment", Effect = "Allow", Action = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:gchamon/devops-challenge:environment:staging"
      } }
    }]
    error_message = "got ${output.trust_policy_json}"
  }
}

run "rejects_name" {
  command = plan
  variables {
    name = "Deploy"
  }
  expect_failures = [var.name]
}

run "rejects_repository" {
  command = plan
  variables {
    repository = "devops-challenge"
  }
  expect_failures = [var.repository]
}

run "rejects_repository_wildcard" {
  command = plan
  variables {
    repository = "gchamon/*"
  }
  expect_failures = [var.repository]
}

run "rejects_environment" {
  command = plan
  variables {
    environment = "*"
  }
  expect_failures = [var.environment]
}

run "rejects_provider" {
  command = plan
  variables {
    oidc_provider_arn = "github"
  }
  expect_failures = [var.oidc_provider_arn]
}
