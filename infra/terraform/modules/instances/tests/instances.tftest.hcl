mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name                            = "todo-staging"
  cluster                         = "todo-staging"
  vpc_id                          = "vpc-1"
  subnet_ids                      = ["subnet-a", "subnet-b"]
  load_balancer_security_group_id = "sg-lb"
}

run "instances_in_both_zones_and_reachable_by_the_load_balancer_alone" {
  assert {
    condition     = toset(aws_autoscaling_group.this.vpc_zone_identifier) == toset(["subnet-a", "subnet-b"]) && aws_autoscaling_group.this.min_size == 2
    error_message = "want at least two instances over both subnets"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer.referenced_security_group_id == "sg-lb" && aws_vpc_security_group_ingress_rule.load_balancer.from_port == 32768 && aws_vpc_security_group_ingress_rule.load_balancer.to_port == 65535
    error_message = "the only way in is the dynamic ports, from the load balancer"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.load_balancer.security_group_id == "sg-lb" && aws_vpc_security_group_egress_rule.load_balancer.referenced_security_group_id == aws_security_group.this.id
    error_message = "the load balancer's way out leads to the instances alone"
  }

  assert {
    condition     = aws_ecs_capacity_provider.this.auto_scaling_group_provider[0].managed_termination_protection == "ENABLED" && aws_ecs_capacity_provider.this.auto_scaling_group_provider[0].managed_draining == "ENABLED" && aws_autoscaling_group.this.protect_from_scale_in
    error_message = "managed termination protection works only on a group that protects new instances"
  }
}

run "graviton" {
  command = plan
  variables {
    instance_types = ["t4g.micro", "t4g.small"]
  }

  assert {
    condition     = data.aws_ssm_parameter.image.name == "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id" && output.cpu_architecture == "ARM64"
    error_message = "got ${data.aws_ssm_parameter.image.name} and ${output.cpu_architecture}"
  }
}

run "hardened_instances" {
  command = plan

  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "want IMDSv2 and one hop"
  }

  assert {
    condition     = aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted == "true" && aws_launch_template.this.network_interfaces[0].associate_public_ip_address == "false"
    error_message = "want encrypted disks and no public address"
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), "ECS_CLUSTER=todo-staging\n") && strcontains(base64decode(aws_launch_template.this.user_data), "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n") && strcontains(base64decode(aws_launch_template.this.user_data), "ECS_RESERVED_MEMORY=128\n")
    error_message = "user data names the cluster and drains spot instances"
  }

  assert {
    condition     = data.aws_ssm_parameter.image.name == "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    error_message = "got ${data.aws_ssm_parameter.image.name}"
  }

  assert {
    condition     = aws_autoscaling_group.this.instance_refresh[0].preferences[0].scale_in_protected_instances == "Refresh" && aws_autoscaling_group.this.instance_refresh[0].preferences[0].min_healthy_percentage == 100
    error_message = "a refresh must replace protected instances, and start before it stops"
  }
}

run "agent_may_do_exactly_this" {
  command = plan

  assert {
    condition = toset(flatten([for s in jsondecode(output.instance_policy_json).Statement : s.Action])) == toset([
      "ec2:DescribeTags", "ecs:DeregisterContainerInstance", "ecs:DiscoverPollEndpoint", "ecs:Poll", "ecs:RegisterContainerInstance", "ecs:StartTelemetrySession",
      "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange", "ecs:TagResource", "ecs:UpdateContainerInstancesState",
    ])
    error_message = "got ${output.instance_policy_json}"
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.instance_policy_json).Statement : s.Resource != "*" || can(s.Condition.ArnEquals["ecs:cluster"]) || s.Sid == "NoResourceLevel"])
    error_message = "the agent works for this cluster alone"
  }

  assert {
    condition     = endswith(aws_iam_role_policy_attachment.session_manager.policy_arn, ":policy/AmazonSSMManagedInstanceCore")
    error_message = "Session Manager must be open"
  }
}

run "spot_share_above_the_base" {
  command = plan
  variables {
    instance_types = ["t3.micro", "t3a.micro"]
    on_demand_base = 1
    spot_share     = 75
  }

  assert {
    condition = (aws_autoscaling_group.this.mixed_instances_policy[0].instances_distribution[0].on_demand_base_capacity == 1 &&
    aws_autoscaling_group.this.mixed_instances_policy[0].instances_distribution[0].on_demand_percentage_above_base_capacity == 25)
    error_message = "a spot share of 75 leaves 25 % on demand above the base"
  }

  assert {
    condition     = [for o in aws_autoscaling_group.this.mixed_instances_policy[0].launch_template[0].override : o.instance_type] == ["t3.micro", "t3a.micro"]
    error_message = "types keep their order"
  }
}

# AWS recommends another image every few weeks. The first run has applied one.
run "a_newer_image_is_left_alone" {
  command = plan
  override_data {
    target = data.aws_ssm_parameter.image
    values = { insecure_value = "ami-newer" }
  }

  assert {
    condition     = aws_launch_template.this.image_id != "ami-newer"
    error_message = "an unrelated apply must not replace the instances"
  }
}

run "a_newer_image_comes_when_asked" {
  command = plan
  variables {
    image_generation = 2
  }
  override_data {
    target = data.aws_ssm_parameter.image
    values = { insecure_value = "ami-newer" }
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-newer"
    error_message = "a higher generation takes the image that AWS recommends; got ${aws_launch_template.this.image_id}"
  }
}
