locals {
  fargate = var.fargate != null

  placement = {
    random          = { type = "random", field = null }
    spread_zone     = { type = "spread", field = "attribute:ecs.availability-zone" }
    spread_instance = { type = "spread", field = "instanceId" }
    binpack_cpu     = { type = "binpack", field = "cpu" }
    binpack_memory  = { type = "binpack", field = "memory" }
  }

  # Fargate always spreads tasks over zones.
  placements = local.fargate ? [] : [for name in coalesce(var.placement, ["spread_zone", "spread_instance"]) : local.placement[name]]
}

# A service keeps the task definition of its last deployment, which runs on instances or on Fargate. A change between
# the two creates another service.
resource "terraform_data" "fargate" {
  triggers_replace = local.fargate
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.image == null ? 0 : var.desired_count

  # All tasks run until their successors are healthy.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60

  # ECS rebalances only a service whose first strategy is to spread over zones.
  availability_zone_rebalancing = try(local.placements[0].field, local.placement.spread_zone.field) == local.placement.spread_zone.field ? "ENABLED" : "DISABLED"

  # Another capacity provider is then an update; without it, another service, and an outage between the two.
  force_new_deployment = true

  propagate_tags          = "SERVICE"
  enable_ecs_managed_tags = true

  dynamic "capacity_provider_strategy" {
    for_each = var.capacity_providers

    content {
      capacity_provider = capacity_provider_strategy.value.name
      base              = capacity_provider_strategy.value.base
      weight            = capacity_provider_strategy.value.weight
    }
  }

  dynamic "network_configuration" {
    for_each = var.fargate[*]

    content {
      subnets          = network_configuration.value.subnet_ids
      security_groups  = aws_security_group.tasks[*].id
      assign_public_ip = network_configuration.value.public_addresses
    }
  }

  dynamic "ordered_placement_strategy" {
    for_each = local.placements

    content {
      type  = ordered_placement_strategy.value.type
      field = ordered_placement_strategy.value.field
    }
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "alarms" {
    for_each = length(var.deployment_alarms) == 0 ? [] : [var.deployment_alarms]

    content {
      alarm_names = alarms.value
      enable      = true
      rollback    = true
    }
  }

  load_balancer {
    target_group_arn = var.target_group_arn
    container_name   = var.container
    container_port   = var.container_port
  }

  # Deployments change these two; see the deploy record.
  lifecycle {
    ignore_changes       = [task_definition, desired_count]
    replace_triggered_by = [terraform_data.fargate]
  }

  # Tasks need these until they have stopped: the roles' policies, and on Fargate their network rules.
  depends_on = [
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_egress_rule.load_balancer,
    aws_vpc_security_group_ingress_rule.load_balancer,
  ]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338: a variable sets the days
  #checkov:skip=CKV_AWS_158: CloudWatch encrypts with its own keys; a KMS key would cost more than the log

  name              = "/${var.family}"
  retention_in_days = var.log_retention_days
}
