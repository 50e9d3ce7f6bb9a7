locals {
  placement = {
    random          = { type = "random", field = null }
    spread_zone     = { type = "spread", field = "attribute:ecs.availability-zone" }
    spread_instance = { type = "spread", field = "instanceId" }
    binpack_cpu     = { type = "binpack", field = "cpu" }
    binpack_memory  = { type = "binpack", field = "memory" }
  }
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.image == null ? 0 : var.desired_count

  # All tasks stay until their successors are healthy.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60

  # Only a service that spreads over zones first can be moved back after a zone returns.
  availability_zone_rebalancing = var.placement[0] == "spread_zone" ? "ENABLED" : "DISABLED"

  propagate_tags          = "SERVICE"
  enable_ecs_managed_tags = true

  capacity_provider_strategy {
    capacity_provider = var.capacity_provider
    weight            = 1
  }

  dynamic "ordered_placement_strategy" {
    for_each = [for name in var.placement : local.placement[name]]

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

  # Deployments own these two; see the deploy record.
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }

  # The execution role's policy must outlive the tasks that need it.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338: how long is a variable
  #checkov:skip=CKV_AWS_158: CloudWatch encrypts with its own keys; a KMS key would cost more than the log

  name              = "/${var.family}"
  retention_in_days = var.log_retention_days
}
