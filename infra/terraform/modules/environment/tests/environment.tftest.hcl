mock_provider "aws" {
  source = "../../test/mocks"
}

mock_provider "random" {}

variables {
  project = {
    name        = "todo"
    region      = "eu-west-1"
    domain      = "todo.example.com"
    alarm_email = "ops@example.com"
  }
  name      = "staging"
  subdomain = "staging"
}

# Applied by mocks: the values that only exist afterwards are there to be followed. The runner reads the state that this
# run leaves and checks the graph of security groups on it.
run "whole" {
  assert {
    condition     = output.site_url == "https://staging.todo.example.com"
    error_message = "got site_url ${output.site_url}, want https://staging.todo.example.com"
  }

  assert {
    condition     = output.deploy == jsondecode(aws_ssm_parameter.deploy.insecure_value) && aws_ssm_parameter.deploy.name == "/todo/staging/deploy"
    error_message = "the output deploy and the SSM parameter /todo/staging/deploy must be the same object"
  }

  assert {
    condition     = alltrue([for key, value in output.deploy : value != null && value != ""])
    error_message = "every key of the deploy record has a value; got ${jsonencode(output.deploy)}"
  }

  assert {
    condition = (output.deploy.cluster == "todo-staging" && output.deploy.service == "todo-api" && output.deploy.container == "todo-api" &&
    output.deploy.store_url == "s3://todo-staging-lists-123456789012/lists?region=eu-west-1" && endswith(output.deploy.releases_prefix, "/"))
    error_message = "got ${jsonencode(output.deploy)}"
  }
}

# The same with a load balancer on the internet, for the graph again.
run "public_origin" {
  variables {
    api_origin = "public"
  }

  assert {
    condition     = output.site_url == "https://staging.todo.example.com"
    error_message = "the way to the load balancer must not change the site's address"
  }
}

# The runner compares the protections in this plan with those in the state of "whole".
run "may_be_destroyed" {
  command = plan
  variables {
    allow_destroy = true
  }
}

# Which actions it may take is held by test/test_permissions.py against the calls that the playbooks make.
run "deploy_role_is_bound_to_its_environment" {
  command = plan

  assert {
    condition = toset([for statement in jsondecode(output.deploy_policy_json).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")]) == toset([
      "LogInToRegistry", "ReadTaskDefinitions", "WatchTasks",
    ])
    error_message = "only what AWS cannot bind to a resource may have the resource *"
  }

  assert {
    condition = one([for statement in jsondecode(output.deploy_policy_json).Statement : toset(statement.Resource) if statement.Sid == "PassTheTwoRoles"]) == toset([
      "arn:aws:iam::123456789012:role/todo-staging-api-task", "arn:aws:iam::123456789012:role/todo-staging-api-execution",
    ])
    error_message = "the deploy role may pass the task's two roles and no other"
  }

  # The lists are not a deployment's business.
  assert {
    condition     = !strcontains(output.deploy_policy_json, "lists")
    error_message = "the deploy role must not reach the lists' bucket"
  }
}

run "rejects_project" {
  command = plan
  variables {
    project = { name = "Todo_List", region = "eu-west-1", domain = "todo.example.com", alarm_email = "ops@example.com" }
  }
  expect_failures = [var.project]
}

run "rejects_region" {
  command = plan
  variables {
    project = { name = "todo", region = "Ireland", domain = "todo.example.com", alarm_email = "ops@example.com" }
  }
  expect_failures = [var.project]
}

run "rejects_domain" {
  command = plan
  variables {
    project = { name = "todo", region = "eu-west-1", domain = "https://todo.example.com/", alarm_email = "ops@example.com" }
  }
  expect_failures = [var.project]
}

run "rejects_email" {
  command = plan
  variables {
    project = { name = "todo", region = "eu-west-1", domain = "todo.example.com", alarm_email = "ops at example" }
  }
  expect_failures = [var.project]
}

run "rejects_name" {
  command = plan
  variables {
    name = "Pre-Production"
  }
  expect_failures = [var.name]
}

run "rejects_name_of_the_shared_root" {
  command = plan
  variables {
    name = "shared"
  }
  expect_failures = [var.name]
}

run "rejects_subdomain" {
  command = plan
  variables {
    subdomain = "a.b"
  }
  expect_failures = [var.subdomain]
}
