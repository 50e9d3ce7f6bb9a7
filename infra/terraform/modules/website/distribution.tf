locals {
  page = "page"
  api  = "api"

  # By name, not by reference: the policy refers to the distribution, and the distribution to the bucket.
  bucket_domain_name = module.bucket.regional_domain_name
}

data "aws_cloudfront_cache_policy" "optimized" {
  name = "Managed-CachingOptimized"
}

data "aws_cloudfront_cache_policy" "disabled" {
  name = "Managed-CachingDisabled"
}

# All headers of the visitor, including Host, and the visitor's address, since visitors can forge X-Forwarded-For.
resource "aws_cloudfront_origin_request_policy" "api" {
  name    = "${var.name}-api"
  comment = "Everything the visitor sent, and the visitor's address"

  headers_config {
    header_behavior = "allViewerAndWhitelistCloudFront"

    headers {
      items = ["CloudFront-Viewer-Address"]
    }
  }

  cookies_config {
    cookie_behavior = "all"
  }

  query_strings_config {
    query_string_behavior = "all"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudfront_origin_access_control" "page" {
  name                              = "${var.name}-page"
  description                       = "Signs the requests to the page's bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"

  lifecycle {
    create_before_destroy = true
  }
}

# No custom error responses: they apply to all behaviours, and would replace the API's responses by a page. The page
# needs none, because its routes are in the fragment.
resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_374: the lists are for everyone
  #checkov:skip=CKV_AWS_310: there is one API and one page; nothing to fail over to
  #checkov:skip=CKV_AWS_86: logged by standard logging v2, see logs.tf, which checkov does not know
  #checkov:skip=CKV2_AWS_47: the known-bad-inputs group of the firewall holds the Log4j rule; checkov does not follow the variable

  enabled             = true
  comment             = var.name
  aliases             = [var.domain]
  default_root_object = "index.html"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = var.price_class
  web_acl_id          = var.web_acl_arn

  origin {
    origin_id                = local.page
    domain_name              = local.bucket_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.page.id
  }

  origin {
    origin_id   = local.api
    domain_name = var.api_origin.domain_name

    dynamic "vpc_origin_config" {
      for_each = var.api_origin.vpc_origin_id == null ? [] : [var.api_origin.vpc_origin_id]

      content {
        vpc_origin_id            = vpc_origin_config.value
        origin_read_timeout      = 60
        origin_keepalive_timeout = 30
      }
    }

    dynamic "custom_origin_config" {
      for_each = var.api_origin.vpc_origin_id == null ? [true] : []

      content {
        http_port                = 80
        https_port               = 443
        origin_protocol_policy   = "https-only"
        origin_ssl_protocols     = ["TLSv1.2"]
        origin_read_timeout      = 60
        origin_keepalive_timeout = 30
      }
    }

    dynamic "custom_header" {
      for_each = nonsensitive(toset(keys(var.api_origin_headers)))

      content {
        name  = custom_header.value
        value = var.api_origin_headers[custom_header.value]
      }
    }
  }

  # Each file has its Cache-Control: a year for assets, whose names change with their content, and no caching
  # for index.html and config.json.
  default_cache_behavior {
    target_origin_id           = local.page
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.optimized.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.page.id
  }

  # Not compressed: event streams must not be buffered, and the API compresses large responses.
  dynamic "ordered_cache_behavior" {
    for_each = var.api_origin.paths

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = local.api
      viewer_protocol_policy     = "https-only"
      allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = false
      cache_policy_id            = data.aws_cloudfront_cache_policy.disabled.id
      origin_request_policy_id   = aws_cloudfront_origin_request_policy.api.id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.api.id
    }
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

  allow_overwrite = var.overwrite_records

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}
