locals {
  public = var.api_origin == "public"

  # A resource that serves while its successor is created needs another name: AWS appends to this prefix.
  # Load balancers and target groups accept six characters of it; their tag has the full name.
  short_prefix = substr(var.name, 0, 6)
}

resource "aws_lb" "this" {
  #checkov:skip=CKV2_AWS_28: only CloudFront reaches it, and the firewall stands there
  #checkov:skip=CKV_AWS_150: on unless allow_destroy, which checkov does not follow

  name_prefix        = local.short_prefix
  load_balancer_type = "application"
  internal           = !local.public
  subnets            = local.public ? var.public_subnet_ids : var.private_subnet_ids
  security_groups    = [aws_security_group.this.id]

  # Above the 15 s heartbeat of event streams and below the API's 75 s, so that this side closes connections.
  idle_timeout = 60

  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = !var.allow_destroy

  access_logs {
    enabled = var.access_log_bucket != null
    bucket  = coalesce(var.access_log_bucket, "none")
    prefix  = "alb"
  }

  tags = { Name = var.name }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378: TLS ends at the load balancer; tasks are reached inside the VPC by security group

  name_prefix = local.short_prefix
  vpc_id      = var.vpc_id
  target_type = var.target_type
  protocol    = "HTTP"
  port        = 80 # a default that the tasks' own ports always override

  # An event stream counts as one outstanding request, so streams spread too.
  load_balancing_algorithm_type = "least_outstanding_requests"
  deregistration_delay          = var.deregistration_delay

  health_check {
    path                = var.health_check_path
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = var.unhealthy_threshold
  }

  tags = { Name = var.name }

  # Forwarding rules use the old group until they point at the new one. A group serves one load balancer.
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [aws_lb.this.arn]
  }
}
