locals {
  # Families with Graviton processors: t4g, m8gd, c7gn, im4gn, a1.
  arm = can(regex("^(a1|[a-z]+[0-9]g[a-z]*)\\.", var.instance_types[0]))

  tags = merge(data.aws_default_tags.current.tags, { Name = var.name })
}

data "aws_default_tags" "current" {}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/${local.arm ? "arm64/" : ""}recommended/image_id"
}

# AWS recommends a newer image every few weeks. Instances move to it by a variable, not with an unrelated change.
resource "terraform_data" "image" {
  triggers_replace = { generation = var.image_generation, arm = local.arm }
}

resource "aws_launch_template" "this" {
  name_prefix            = "${var.name}-"
  image_id               = data.aws_ssm_parameter.image.insecure_value
  key_name               = var.key_name
  update_default_version = true

  user_data = base64encode(templatefile("${path.module}/user_data.sh", {
    cluster   = var.cluster
    log_level = var.agent_log_level
    reserved  = var.reserved_memory
  }))

  iam_instance_profile {
    name = aws_iam_instance_profile.this.name
  }

  network_interfaces {
    device_index                = 0
    associate_public_ip_address = tostring(var.public_addresses)
    security_groups             = [aws_security_group.this.id]
    delete_on_termination       = "true"
  }

  # One hop: the agent, on the host's network, reaches the metadata service; a container behind the bridge does not.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.disk_gib
      encrypted             = "true"
      delete_on_termination = "true"
    }
  }

  monitoring {
    enabled = var.detailed_monitoring
  }

  # The group creates the instances and their volumes, which do not get the provider's default tags.
  dynamic "tag_specifications" {
    for_each = ["instance", "network-interface", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [image_id]
    replace_triggered_by  = [terraform_data.image]
  }
}

resource "aws_autoscaling_group" "this" {
  name_prefix         = "${var.name}-"
  min_size            = var.min_instances
  max_size            = var.max_instances
  vpc_zone_identifier = var.subnet_ids

  health_check_type         = "EC2"
  health_check_grace_period = 90
  default_instance_warmup   = 90
  capacity_rebalance        = true

  # Managed termination protection uses this flag: ECS removes it from an instance without tasks.
  protect_from_scale_in = true
  force_delete          = var.allow_destroy

  enabled_metrics = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances", "GroupTerminatingInstances"]

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = var.on_demand_base
      on_demand_percentage_above_base_capacity = 100 - var.spot_share
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.this.id
        version            = aws_launch_template.this.latest_version
      }

      dynamic "override" {
        for_each = var.instance_types

        content {
          instance_type = override.value
        }
      }
    }
  }

  # Replacements start first, which keeps two instances for two tasks.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage       = 100
      max_healthy_percentage       = 200
      instance_warmup              = "90"
      scale_in_protected_instances = "Refresh"
      auto_rollback                = true
    }
  }

  dynamic "tag" {
    for_each = local.tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }

  # ECS sets this tag on groups that it manages; without it here every plan would remove it.
  tag {
    key                 = "AmazonECSManaged"
    value               = "true"
    propagate_at_launch = true
  }

  # The capacity provider changes the desired number.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [desired_capacity]
  }
}
