# A provider cannot change its group: a new group gets a new provider of its name.
resource "aws_ecs_capacity_provider" "this" {
  name = aws_autoscaling_group.this.name

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.this.arn
    managed_termination_protection = "ENABLED"
    managed_draining               = "ENABLED"

    managed_scaling {
      status                    = "ENABLED"
      target_capacity           = 100
      minimum_scaling_step_size = 1
      maximum_scaling_step_size = 2
      instance_warmup_period    = 90
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
