data "aws_region" "current" {}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  # Whatever no rule lets through: other paths (the API's /metrics is not for the internet), and in public mode a
  # request that did not come by our distribution.
  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "forbidden"
      status_code  = "403"
    }
  }

  # The old load balancer answers until CloudFront calls the new one.
  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = split(":", var.certificate_arn)[3] == data.aws_region.current.region
      error_message = "certificate_arn is a certificate in ${data.aws_region.current.region}, where the load balancer is; got one in ${split(":", var.certificate_arn)[3]}."
    }
  }
}

resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 50000 # the last, so that rules for a host, as those of previews, come before

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  condition {
    path_pattern {
      values = var.paths
    }
  }

  dynamic "condition" {
    for_each = random_password.origin_secret

    content {
      http_header {
        http_header_name = local.secret_header
        values           = [condition.value.result]
      }
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
