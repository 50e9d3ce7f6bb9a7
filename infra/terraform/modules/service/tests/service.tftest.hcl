mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name              = "todo-api"
  family            = "todo-staging-api"
  cluster_arn       = "arn:aws:ecs:eu-west-1:123456789012:cluster/todo-staging"
  capacity_provider = "todo-staging"
  target_group_arn  = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/todo/1"
  repository_url    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/todo-api"
  repository_arn    = "arn:aws:ecr:eu-west-1:123456789012:repository/todo-api"
  image             = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/todo-api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  environment       = { TODO_LISTEN = ":8080" }
  task_role_statements = [
    { Sid = "ReadAndWriteLists", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "arn:aws:s3:::lists/lists/*" },
    { Sid = "TellMissingFromForbidden", Effect = "Allow", Action = "s3:ListBucket", Resource = "arn:aws:s3:::lists" },
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
    condition     = toset(flatten([for s in jsondecode(output.task_policy_json).Statement : s.Action])) == toset(["s3:GetObject", "s3:ListBucket", "s3:PutObject"])
    error_message = "the task role does what it was given and no more: ${output.task_policy_json}"
  }

  assert {
    condition     = toset(flatten([for s in jsondecode(output.execution_policy_json).Statement : s.Action])) == toset(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "logs:CreateLogStream", "logs:PutLogEvents"])
    error_message = "got ${output.execution_policy_json}"
  }

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

run "rejects_name" {
  command = plan
  variables {
    name = "API"
  }
  expect_failures = [var.name]
}

run "rejects_family" {
  command = plan
  variables {
    family = "x_y"
  }
  expect_failures = [var.family]
}

run "rejects_image_by_tag" {
  command = plan
  variables {
    image = "todo-api:latest"
  }
  expect_failures = [var.image]
}

run "rejects_desired_count" {
  command = plan
  variables {
    desired_count = 0
  }
  expect_failures = [var.desired_count]
}

run "rejects_desired_half" {
  command = plan
  variables {
    desired_count = 1.5
  }
  expect_failures = [var.desired_count]
}

run "rejects_container" {
  command = plan
  variables {
    container = "todo api"
  }
  expect_failures = [var.container]
}

run "rejects_port" {
  command = plan
  variables {
    container_port = 70000
  }
  expect_failures = [var.container_port]
}

run "rejects_cpu" {
  command = plan
  variables {
    cpu = 64
  }
  expect_failures = [var.cpu]
}

run "rejects_memory_reservation" {
  command = plan
  variables {
    memory_reservation = 16
  }
  expect_failures = [var.memory_reservation]
}

run "rejects_limit_below_reservation" {
  command = plan
  variables {
    memory_limit = 100
  }
  expect_failures = [var.memory_limit]
}

run "rejects_environment" {
  command = plan
  variables {
    environment = { "1X" = "y" }
  }
  expect_failures = [var.environment]
}

run "rejects_relative_volume" {
  command = plan
  variables {
    volumes = [{ name = "a", container_path = "a" }]
  }
  expect_failures = [var.volumes]
}

run "rejects_twin_volumes" {
  command = plan
  variables {
    volumes = [{ name = "a", container_path = "/a" }, { name = "a", container_path = "/b" }]
  }
  expect_failures = [var.volumes]
}

run "rejects_root_user" {
  command = plan
  variables {
    user = "0"
  }
  expect_failures = [var.user]
}

run "rejects_no_statement" {
  command = plan
  variables {
    task_role_statements = []
  }
  expect_failures = [var.task_role_statements]
}

run "rejects_any_action" {
  command = plan
  variables {
    task_role_statements = [{ Sid = "X", Effect = "Allow", Action = "s3:*", Resource = "arn:aws:s3:::x" }]
  }
  expect_failures = [var.task_role_statements]
}

run "rejects_any_resource" {
  command = plan
  variables {
    task_role_statements = [{ Sid = "X", Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]
  }
  expect_failures = [var.task_role_statements]
}

run "rejects_unknown_placement" {
  command = plan
  variables {
    placement = ["everywhere"]
  }
  expect_failures = [var.placement]
}

run "rejects_placement_twice" {
  command = plan
  variables {
    placement = ["random", "random"]
  }
  expect_failures = [var.placement]
}

run "rejects_stop_timeout" {
  command = plan
  variables {
    stop_timeout = 5
  }
  expect_failures = [var.stop_timeout]
}

run "rejects_log_retention" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "rejects_cluster_arn" {
  command = plan
  variables {
    cluster_arn = "todo-staging"
  }
  expect_failures = [var.cluster_arn]
}

run "rejects_capacity_provider" {
  command = plan
  variables {
    capacity_provider = ""
  }
  expect_failures = [var.capacity_provider]
}

run "rejects_target_group_arn" {
  command = plan
  variables {
    target_group_arn = "todo"
  }
  expect_failures = [var.target_group_arn]
}

run "rejects_repository_url" {
  command = plan
  variables {
    repository_url = "todo-api:latest"
  }
  expect_failures = [var.repository_url]
}

run "rejects_repository_arn" {
  command = plan
  variables {
    repository_arn = "*"
  }
  expect_failures = [var.repository_arn]
}

run "rejects_deployment_alarms" {
  command = plan
  variables {
    deployment_alarms = [""]
  }
  expect_failures = [var.deployment_alarms]
}
