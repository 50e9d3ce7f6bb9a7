data "aws_region" "current" {}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  # Requests that match no rule: other paths (the API's /metrics is not public), and in public mode
  # requests that did not come through the distribution.
  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "forbidden"
      status_code  = "403"
    }
  }

  # The old load balancer serves until CloudFront uses the new one.
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
  priority     = 50000 # the last, after rules for a host, such as those for previews

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
