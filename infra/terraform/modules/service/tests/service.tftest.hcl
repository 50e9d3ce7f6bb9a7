mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name               = "todo-api"
  family             = "todo-staging-api"
  cluster_arn        = "arn:aws:ecs:eu-west-1:123456789012:cluster/todo-staging"
  capacity_providers = [{ name = "todo-staging" }]
  target_group_arn   = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/todo/1"
  repository_url     = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/todo-api"
  repository_arn     = "arn:aws:ecr:eu-west-1:123456789012:repository/todo-api"
  image              = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/todo-api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  environment        = { TODO_LISTEN = ":8080" }
  task_role_statements = [
    { Sid = "ReadAndWriteLists", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["arn:aws:s3:::lists/lists/*"] },
    { Sid = "TellMissingFromForbidden", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::lists"] },
  ]
}

run "tasks_spread_over_zones_then_instances" {
  command = plan

  assert {
    condition     = [for s in aws_ecs_service.this.ordered_placement_strategy : [s.type, s.field]] == [["spread", "attribute:ecs.availability-zone"], ["spread", "instanceId"]]
    error_message = "want spread by zone, then by instance"
  }

  assert {
    condition     = aws_ecs_service.this.desired_count == 2 && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED"
    error_message = "want two tasks that move back when a zone returns"
  }

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback && aws_ecs_service.this.deployment_minimum_healthy_percent == 100
    error_message = "a failed deployment goes back, and no task leaves before its successor is healthy"
  }

  assert {
    condition     = aws_ecs_service.this.force_new_deployment
    error_message = "another capacity provider must not replace the service"
  }
}

run "container_is_confined" {
  command = plan

  assert {
    condition = (jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem &&
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "65532:65532" &&
    jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"])
    error_message = "want a read-only root, no root user and no capability"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings == [{ containerPort = 8080, hostPort = 0, protocol = "tcp" }] && aws_ecs_task_definition.this.network_mode == "bridge"
    error_message = "want a dynamic port on the bridge"
  }

  assert {
    condition     = { for e in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : e.name => e.value } == { GOMEMLIMIT = "345MiB", TODO_LISTEN = ":8080" }
    error_message = "got ${aws_ecs_task_definition.this.container_definitions}"
  }
}

run "roles_are_two_and_narrow" {
  command = plan

  assert {
    condition     = [for s in jsondecode(output.execution_policy_json).Statement : s.Sid if s.Resource == "*"] == ["LogInToRegistry"]
    error_message = "only the log-in to the registry has no resource"
  }

  assert {
    condition     = aws_ecs_task_definition.this.family == "todo-staging-api" && output.task_role_arn == "arn:aws:iam::123456789012:role/todo-staging-api-task" && output.execution_role_arn == "arn:aws:iam::123456789012:role/todo-staging-api-execution"
    error_message = "got ${output.task_role_arn} and ${output.execution_role_arn}"
  }
}

run "no_task_before_the_first_image" {
  command = plan
  variables {
    image = null
  }

  assert {
    condition     = aws_ecs_service.this.desired_count == 0 && endswith(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image, ":not-yet-deployed")
    error_message = "without an image nothing is started"
  }
}

run "another_placement" {
  command = plan
  variables {
    placement = ["binpack_memory"]
  }

  assert {
    condition     = [for s in aws_ecs_service.this.ordered_placement_strategy : [s.type, s.field]] == [["binpack", "memory"]] && aws_ecs_service.this.availability_zone_rebalancing == "DISABLED"
    error_message = "ECS rebalances only what spreads over zones first"
  }
}

run "metrics_leave_by_a_collector" {
  command = plan
  variables {
    metrics = { names = ["todo_event_streams", "todo_store_call_duration_seconds"] }
  }

  assert {
    condition     = [for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.name] == ["todo-api", "collector"] && !jsondecode(aws_ecs_task_definition.this.container_definitions)[1].essential
    error_message = "want a collector beside the API, which serves without it"
  }

  assert {
    condition = (yamldecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment[0].value).receivers.prometheus.config.scrape_configs[0].static_configs[0].targets == ["todo-api:9090"] &&
    contains([for e in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : "${e.name}=${e.value}"], "TODO_ADMIN_LISTEN=:9090") && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings[0].containerPort == 8080)
    error_message = "the collector reads the API's own listener, which is published on no host"
  }

  # The exporter reports what it gets: counts since the process began would never show a slow quarter of an hour.
  assert {
    condition     = yamldecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment[0].value).service.pipelines.metrics.processors == ["cumulativetodelta"]
    error_message = "want changes, not counts since the start; got ${jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment[0].value}"
  }

  assert {
    condition     = aws_ecs_task_definition.this.cpu == "288"
    error_message = "a task's CPU holds its containers'; got ${aws_ecs_task_definition.this.cpu}"
  }

  assert {
    condition     = [for s in jsondecode(output.task_policy_json).Statement : s.Resource if s.Sid == "WriteMetrics"] == [["arn:aws:logs:eu-west-1:123456789012:log-group:/todo-staging-api:log-stream:metrics"]]
    error_message = "got ${output.task_policy_json}"
  }
}

run "on_fargate" {
  command = plan
  variables {
    capacity_providers = [{ name = "FARGATE", base = 1, weight = 25 }, { name = "FARGATE_SPOT", weight = 75 }]
    fargate            = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"], load_balancer_security_group_id = "sg-lb" }
    metrics            = { names = ["todo_event_streams"] }
    volumes            = [{ name = "scratch", container_path = "/scratch" }]
  }

  assert {
    condition = (aws_ecs_task_definition.this.network_mode == "awsvpc" && aws_ecs_task_definition.this.requires_compatibilities == toset(["FARGATE"]) &&
    aws_ecs_task_definition.this.cpu == "256" && aws_ecs_task_definition.this.memory == "512")
    error_message = "want the size of Fargate that holds 384 and 96 MiB; got ${aws_ecs_task_definition.this.cpu} and ${aws_ecs_task_definition.this.memory}"
  }

  assert {
    condition     = sum([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.cpu]) == 256 && sum([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.memory]) <= 512
    error_message = "the containers fit into the task; got ${aws_ecs_task_definition.this.container_definitions}"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings == [{ containerPort = 8080, hostPort = 8080, protocol = "tcp" }] && alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : length(try(c.links, [])) == 0])
    error_message = "awsvpc has no dynamic ports and no links"
  }

  assert {
    condition = (yamldecode(jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment[0].value).receivers.prometheus.config.scrape_configs[0].static_configs[0].targets == ["127.0.0.1:9090"] &&
    contains([for e in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : "${e.name}=${e.value}"], "TODO_ADMIN_LISTEN=127.0.0.1:9090"))
    error_message = "the collector reads the API's own listener, on the task's loopback"
  }

  assert {
    condition = (toset([for s in aws_ecs_service.this.capacity_provider_strategy : [s.capacity_provider, s.weight]]) == toset([["FARGATE", 25], ["FARGATE_SPOT", 75]]) &&
    length(aws_ecs_service.this.ordered_placement_strategy) == 0 && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED")
    error_message = "want both providers, no placement strategy, and tasks that move back when a zone returns"
  }

  assert {
    condition     = toset(aws_ecs_service.this.network_configuration[0].subnets) == toset(["subnet-a", "subnet-b"]) && !aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "want tasks in both subnets, without public addresses"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer[0].referenced_security_group_id == "sg-lb" && aws_vpc_security_group_ingress_rule.load_balancer[0].from_port == 8080 && aws_vpc_security_group_ingress_rule.load_balancer[0].to_port == 8080
    error_message = "the only way in is the API's port, from the load balancer"
  }
}

run "rejects_a_size_that_fargate_lacks" {
  command = plan
  variables {
    capacity_providers = [{ name = "FARGATE" }]
    fargate            = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"], load_balancer_security_group_id = "sg-lb" }
    memory_limit       = 2049
  }
  expect_failures = [aws_ecs_task_definition.this]
}

run "secrets_are_read_by_ecs" {
  command = plan
  variables {
    secrets = {
      TODO_NAME_DIGEST_KEY = "arn:aws:ssm:eu-west-1:123456789012:parameter/todo/staging/name-digest-key"
      TODO_LISTEN          = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf:key::"
    }
  }

  assert {
    condition     = { for s in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : s.name => s.valueFrom } == { for name, arn in var.secrets : name => arn }
    error_message = "got ${aws_ecs_task_definition.this.container_definitions}"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[*].name == ["GOMEMLIMIT"]
    error_message = "ECS refuses a secret with the name of a variable; got ${aws_ecs_task_definition.this.container_definitions}"
  }

  assert {
    condition = { for s in jsondecode(output.execution_policy_json).Statement : s.Action => s.Resource if startswith(s.Sid, "ReadSecrets") } == {
      "ssm:GetParameters"             = ["arn:aws:ssm:eu-west-1:123456789012:parameter/todo/staging/name-digest-key"]
      "secretsmanager:GetSecretValue" = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf"]
    }
    error_message = "got ${output.execution_policy_json}"
  }
}

run "volumes_and_alarms" {
  command = plan
  variables {
    volumes           = [{ name = "scratch", container_path = "/scratch" }]
    deployment_alarms = ["todo-staging-5xx"]
  }

  assert {
    condition     = one(aws_ecs_task_definition.this.volume).name == "scratch" && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints == [{ sourceVolume = "scratch", containerPath = "/scratch", readOnly = false }]
    error_message = "want the volume, and the container to see it"
  }

  assert {
    condition     = aws_ecs_service.this.alarms[0].rollback && toset(aws_ecs_service.this.alarms[0].alarm_names) == toset(["todo-staging-5xx"])
    error_message = "deployments go back on the alarm"
  }
}
