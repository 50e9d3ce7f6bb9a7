locals {
  secret_header = "X-Origin-Secret"
}

# vpc: CloudFront reaches the load balancer through its own interface in the VPC.
resource "aws_cloudfront_vpc_origin" "this" {
  count = local.public ? 0 : 1

  vpc_origin_endpoint_config {
    name                   = aws_lb.this.name
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"

    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }

  # A VPC origin that a distribution uses cannot be changed, not even its tags: a new load balancer gets a new one.
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [aws_lb.this.arn]
  }
}

# public: all customers' distributions use the same addresses, so this one also sends a secret header. The state
# has the secret, as the distribution's configuration does.
resource "random_password" "origin_secret" {
  count = local.public ? 1 : 0

  length  = 48
  special = false

  keepers = { generation = var.origin_secret_generation }
}

# The name that CloudFront requests and the certificate covers. In vpc mode it resolves to addresses in the VPC.
resource "aws_route53_record" "origin" {
  zone_id = var.zone_id
  name    = var.origin_domain
  type    = "A"

  allow_overwrite = var.overwrite_records

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}
