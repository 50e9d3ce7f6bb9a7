mock_provider "aws" {
  source = "../../test/mocks"
}

mock_provider "random" {}

# The mocks' certificate is CloudFront's, in us-east-1.
override_resource {
  target = module.certificate.aws_acm_certificate.this["eu-west-1"]
  values = {
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    domain_validation_options = [for name in ["staging.todo.example.com", "origin.staging.todo.example.com", "*.preview.staging.todo.example.com"] :
    { domain_name = name, resource_record_name = "_a.${name}", resource_record_type = "CNAME", resource_record_value = "_a.acm" }]
  }
}

variables {
  project = {
    name        = "todo"
    region      = "eu-west-1"
    domain      = "todo.example.com"
    alarm_email = "ops@example.com"
  }
  name      = "staging"
  subdomain = "staging"
  metrics   = { enabled = true }
  sign_in   = { user_pool = true, allow = ["cognito:groups=todo"] }
}

# Applied by mocks: the values that only exist afterwards are there to be followed. The runner reads the state that this
# run leaves and checks the graph of security groups on it.
run "whole" {
  assert {
    condition     = output.site_url == "https://staging.todo.example.com"
    error_message = "got site_url ${output.site_url}, want https://staging.todo.example.com"
  }

  assert {
    condition     = jsondecode(jsonencode(output.deploy)) == jsondecode(aws_ssm_parameter.deploy.insecure_value) && aws_ssm_parameter.deploy.name == "/todo/staging/deploy"
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

  assert {
    condition     = length(module.user_pool) == 1 && module.sign_in.environment.TODO_OIDC_ALLOW == "cognito:groups=todo"
    error_message = "want a user pool, and tasks that know it; got ${jsonencode(module.sign_in.environment)}"
  }

  # Which actions the deploy role may take is held by test/test_permissions.py against the calls that the playbooks make.
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

# What the runner sees change when instances, or the load balancer, are left behind.
run "moves_to_fargate" {
  command = plan
  variables {
    fargate = { enabled = true }
  }
}

run "replaces_the_load_balancer" {
  command = plan
  plan_options {
    replace = [module.load_balancer.aws_lb.this]
  }
}

# The same without instances, and with all that is off by default, for the graph, permissions and order.
run "fargate" {
  variables {
    fargate  = { enabled = true, on_demand_base = 1, spot_share = 75 }
    valkey   = true
    previews = { enabled = true }
    sign_in  = { issuer = "https://id.example.com", audience = "todo", client_id = "page", origins = ["https://tokens.example.com"], allow = ["groups=todo", "email=@example.com"] }
  }

  assert {
    condition     = module.sign_in.environment == { TODO_OIDC_ISSUER = "https://id.example.com", TODO_OIDC_AUDIENCE = "todo", TODO_OIDC_CLIENT_ID = "page", TODO_OIDC_ALLOW = "groups=todo,email=@example.com" }
    error_message = "got ${jsonencode(module.sign_in.environment)}"
  }

  assert {
    condition     = length(module.instances) == 0 && toset(aws_ecs_cluster_capacity_providers.this.capacity_providers) == toset(["FARGATE", "FARGATE_SPOT"])
    error_message = "want Fargate's two providers and no instance"
  }

  assert {
    condition     = contains([for e in jsondecode(module.api.container_definitions)[0].environment : "${e.name}=${e.value}"], "TODO_HINTS=rediss://todo.serverless.cache.amazonaws.com:6379")
    error_message = "servers find the cache by TODO_HINTS: ${module.api.container_definitions}"
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.previews[0].insecure_value) == jsondecode(jsonencode(local.previews)) && local.previews.fargate.vpc_id == "vpc-1" && local.previews.listener_arn != null
    error_message = "previews find all that they build on; got ${jsonencode(local.previews)}"
  }

  assert {
    condition     = output.deploy.service == "todo-api" && output.deploy.cluster == "todo-staging"
    error_message = "deployments find the service under the same names"
  }

  assert {
    condition     = output.deploy.connect_origins == tolist(["https://id.example.com", "https://tokens.example.com"])
    error_message = "the page may ask its issuer without more being said; got ${jsonencode(output.deploy.connect_origins)}"
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

# Copied into the account of another environment, or made where its domain was given away.
run "rejects_a_domain_that_the_zone_does_not_answer_for" {
  command = plan
  variables {
    project = { name = "todo", region = "eu-west-1", domain = "todo.example.org", alarm_email = "ops@example.com" }
  }

  expect_failures = [data.aws_ssm_parameter.shared]
}

run "rejects_a_domain_that_is_delegated" {
  command = plan
  variables {
    project = { name = "todo", region = "eu-west-1", domain = "another.example.com", alarm_email = "ops@example.com" }
  }

  expect_failures = [data.aws_ssm_parameter.shared]
}

# The runner compares the protections in this plan with those in the state of "whole".
run "may_be_destroyed" {
  command = plan
  variables {
    allow_destroy = true
  }
}
