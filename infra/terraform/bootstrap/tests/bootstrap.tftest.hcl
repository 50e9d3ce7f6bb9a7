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

run "roles_are_bound_to_the_repository" {
  command = plan

  assert {
    condition = { for role in concat(values(aws_iam_role.deploy), values(aws_iam_role.preview), [aws_iam_role.plan]) : role.name => [for s in jsondecode(role.assume_role_policy).Statement : s.Condition.StringEquals] } == {
      for name, subjects in merge(concat([{ plan = ["repo:gchamon/devops-challenge:pull_request", "repo:gchamon/devops-challenge:ref:refs/heads/main"] }],
        [for name in keys(aws_iam_role.deploy) : {
          "${name}-deploy"  = ["repo:gchamon/devops-challenge:environment:${name}"]
          "${name}-preview" = ["repo:gchamon/devops-challenge:environment:${name}-preview"]
      }])...) : "todo-${name}" => [{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = subjects }]
    }
    error_message = "got ${jsonencode(local.trust)}"
  }

  assert {
    condition = output.deploy_role_arns.staging == "arn:aws:iam::123456789012:role/todo-staging-deploy" && output.preview_variables.staging == {
      AWS_PREVIEW_ROLE = "arn:aws:iam::123456789012:role/todo-staging-preview", AWS_REGION = "us-east-1", STATE_BUCKET = module.state.name
    }
    error_message = "got ${jsonencode(output.deploy_role_arns)} and ${jsonencode(output.preview_variables)}"
  }

  assert {
    condition = jsondecode(output.plans) == [for name in ["production", "staging"] :
    { environment = name, role = "arn:aws:iam::123456789012:role/todo-plan", region = "us-east-1", state_bucket = module.state.name }]
    error_message = "got ${output.plans}"
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

run "rejects_another_partition" {
  command = plan
  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov" }
  }

  expect_failures = [aws_iam_role.deploy]
}
