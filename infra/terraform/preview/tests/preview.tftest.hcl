mock_provider "aws" {
  source = "../test/mocks"
}

# What an environment on instances publishes.
override_data {
  target = data.aws_ssm_parameter.previews
  values = {
    insecure_value = <<-EOT
      {
        "domain": "preview.staging.todo.example.com",
        "cluster_arn": "arn:aws:ecs:us-east-1:123456789012:cluster/todo-staging",
        "capacity_providers": [{ "name": "todo-staging-1", "base": null, "weight": 1 }],
        "cpu_architecture": "X86_64",
        "fargate": null,
        "vpc_id": "vpc-1",
        "listener_arn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/todo/1/2",
        "repository_url": "123456789012.dkr.ecr.us-east-1.amazonaws.com/todo-api",
        "repository_arn": "arn:aws:ecr:us-east-1:123456789012:repository/todo-api",
        "lists_bucket": "todo-staging-lists-123456789012",
        "permissions_boundary": "arn:aws:iam::123456789012:policy/todo-staging-preview-boundary"
      }
    EOT
  }
}

variables {
  number = 12
  image  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/todo-api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  until  = "2027-01-31"
}

run "shares_load_balancer_cluster_and_bucket" {
  assert {
    condition     = output.url == "https://12.preview.staging.todo.example.com" && aws_lb_listener_rule.this.listener_arn == local.beside.listener_arn && flatten([for c in aws_lb_listener_rule.this.condition : [for h in c.host_header : tolist(h.values)]]) == ["12.preview.staging.todo.example.com"]
    error_message = "want a rule for the preview's host at the environment's load balancer"
  }

  assert {
    condition     = aws_lb_listener_rule.this.priority == 12
    error_message = "two previews cannot have one priority"
  }

  assert {
    condition     = toset([for s in jsondecode(module.api.task_policy_json).Statement : one(s.Resource)]) == toset(["arn:aws:s3:::todo-staging-lists-123456789012", "arn:aws:s3:::todo-staging-lists-123456789012/previews/12/*"])
    error_message = "a preview reaches its own prefix alone: ${module.api.task_policy_json}"
  }

  assert {
    condition     = aws_scheduler_schedule.end.schedule_expression == "at(2027-01-31T00:00:00)" && jsondecode(aws_scheduler_schedule.end.target[0].input) == { Cluster = local.beside.cluster_arn, Service = "todo-staging-preview-12", DesiredCount = 0 }
    error_message = "its tasks end on the last day"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.end.policy).Statement[0].Resource == "arn:aws:ecs:us-east-1:123456789012:service/todo-staging/todo-staging-preview-12"
    error_message = "the schedule may stop this service and no other"
  }
}

run "beside_an_environment_on_fargate" {
  override_data {
    target = data.aws_ssm_parameter.previews
    values = {
      insecure_value = <<-EOT
        {
          "domain": "preview.staging.todo.example.com",
          "cluster_arn": "arn:aws:ecs:us-east-1:123456789012:cluster/todo-staging",
          "capacity_providers": [{ "name": "FARGATE", "base": 1, "weight": 25 }, { "name": "FARGATE_SPOT", "base": null, "weight": 75 }],
          "cpu_architecture": null,
          "fargate": { "vpc_id": "vpc-1", "subnet_ids": ["subnet-a", "subnet-b"], "load_balancer_security_group_id": "sg-lb", "public_addresses": false },
          "vpc_id": "vpc-1",
          "listener_arn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/todo/1/2",
          "repository_url": "123456789012.dkr.ecr.us-east-1.amazonaws.com/todo-api",
          "repository_arn": "arn:aws:ecr:us-east-1:123456789012:repository/todo-api",
          "lists_bucket": "todo-staging-lists-123456789012",
          "permissions_boundary": "arn:aws:iam::123456789012:policy/todo-staging-preview-boundary"
        }
      EOT
    }
  }

  assert {
    condition     = aws_lb_target_group.this.target_type == "ip" && module.api.security_group_id != null
    error_message = "the preview runs as the environment does"
  }
}
