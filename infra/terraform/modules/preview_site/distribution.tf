data "aws_cloudfront_cache_policy" "disabled" {
  name = "Managed-CachingDisabled"
}

data "aws_cloudfront_origin_request_policy" "all_viewer" {
  name = "Managed-AllViewerAndCloudFrontHeaders-2022-06"
}

# One distribution for all previews: the load balancer routes by Host. A preview's image has its page, so there
# is no bucket, and nothing is cached.
resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_374: previews are for everyone with the address
  #checkov:skip=CKV_AWS_310: there is one origin; nothing to fail over to
  #checkov:skip=CKV_AWS_86: previews are not logged here; the load balancer logs them
  #checkov:skip=CKV_AWS_305: the program answers / itself
  #checkov:skip=CKV2_AWS_32: the program sends the headers itself
  #checkov:skip=CKV2_AWS_47: the known-bad-inputs group of the firewall holds the Log4j rule; checkov does not follow the variable

  enabled         = true
  comment         = var.name
  aliases         = [var.domain]
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = var.price_class
  web_acl_id      = var.web_acl_arn

  origin {
    origin_id   = "api"
    domain_name = var.api_origin.domain_name

    vpc_origin_config {
      vpc_origin_id            = var.api_origin.vpc_origin_id
      origin_read_timeout      = 60
      origin_keepalive_timeout = 30
    }
  }

  default_cache_behavior {
    target_origin_id         = "api"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = false
    cache_policy_id          = data.aws_cloudfront_cache_policy.disabled.id
    origin_request_policy_id = data.aws_cloudfront_origin_request_policy.all_viewer.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "aws_route53_record" "site" {
  for_each = toset(["A", "AAAA"])

  zone_id = var.zone_id
  name    = var.domain
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}
