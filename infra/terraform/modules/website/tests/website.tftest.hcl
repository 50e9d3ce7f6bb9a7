mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name              = "todo-staging"
  domain            = "staging.todo.example.com"
  zone_id           = "Z1"
  certificate_arn   = "arn:aws:acm:us-east-1:123456789012:certificate/1"
  bucket            = "todo-staging-website-123456789012"
  access_log_bucket = "logs"
  api_origin = {
    domain_name   = "origin.staging.todo.example.com"
    vpc_origin_id = "vo-1"
    paths         = ["/api/*", "/livez", "/readyz"]
  }
}

run "api_is_never_cached_and_its_answers_never_replaced" {
  assert {
    condition     = [for b in aws_cloudfront_distribution.this.ordered_cache_behavior : b.path_pattern] == ["/api/*", "/livez", "/readyz"]
    error_message = "the API's paths go to the API"
  }

  assert {
    condition     = data.aws_cloudfront_cache_policy.disabled.name == "Managed-CachingDisabled" && alltrue([for b in aws_cloudfront_distribution.this.ordered_cache_behavior : b.cache_policy_id == data.aws_cloudfront_cache_policy.disabled.id && b.target_origin_id == "api" && !b.compress && toset(b.allowed_methods) == toset(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])])
    error_message = "want no cache, no compression and every method"
  }

  assert {
    condition     = length(aws_cloudfront_distribution.this.custom_error_response) == 0
    error_message = "an error page of the distribution would hide the API's own answers"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.is_ipv6_enabled && toset([for r in aws_route53_record.site : "${r.type} ${r.name}"]) == toset(["A staging.todo.example.com", "AAAA staging.todo.example.com"])
    error_message = "visitors reach the site over IPv4 and IPv6"
  }

  assert {
    condition     = contains(aws_cloudfront_origin_request_policy.api.headers_config[0].headers[0].items, "CloudFront-Viewer-Address") && aws_cloudfront_origin_request_policy.api.headers_config[0].header_behavior == "allViewerAndWhitelistCloudFront"
    error_message = "the API is told the visitor's address"
  }
}

run "page_is_read_by_this_distribution_alone" {
  assert {
    condition = [for s in jsondecode(output.bucket_policy_json).Statement : [s.Principal, s.Action, s.Condition] if s.Effect == "Allow"] == [
      [{ Service = ["cloudfront.amazonaws.com"] }, ["s3:ListBucket"], { StringEquals = { "aws:SourceArn" = ["arn:aws:cloudfront::123456789012:distribution/EDISTRIBUTION"] } }],
      [{ Service = ["cloudfront.amazonaws.com"] }, ["s3:GetObject"], { StringEquals = { "aws:SourceArn" = ["arn:aws:cloudfront::123456789012:distribution/EDISTRIBUTION"] } }],
    ]
    error_message = "got ${output.bucket_policy_json}"
  }

  assert {
    condition     = aws_cloudfront_origin_access_control.page.signing_behavior == "always"
    error_message = "want signed requests to the bucket"
  }
}

run "browsers_are_told" {
  command = plan

  assert {
    condition     = startswith(aws_cloudfront_response_headers_policy.page.security_headers_config[0].content_security_policy[0].content_security_policy, "default-src 'self'; ") && !strcontains(aws_cloudfront_response_headers_policy.page.security_headers_config[0].content_security_policy[0].content_security_policy, "unsafe")
    error_message = "the page's content policy begins at 'self' and has nothing unsafe"
  }

  assert {
    condition     = alltrue([for p in [aws_cloudfront_response_headers_policy.page, aws_cloudfront_response_headers_policy.api] : p.security_headers_config[0].strict_transport_security[0].access_control_max_age_sec == 63072000 && !p.security_headers_config[0].strict_transport_security[0].include_subdomains])
    error_message = "want two years of HSTS on page and API"
  }

  assert {
    condition     = !aws_cloudfront_response_headers_policy.api.security_headers_config[0].content_security_policy[0].override
    error_message = "the API's own content policy wins"
  }
}

run "page_may_ask_the_issuer" {
  command = plan
  variables {
    connect_origins = ["https://id.example.com"]
  }

  assert {
    condition     = strcontains(aws_cloudfront_response_headers_policy.page.security_headers_config[0].content_security_policy[0].content_security_policy, "; connect-src 'self' https://id.example.com; ")
    error_message = "want the issuer's origin beside the page's own"
  }
}

run "records_of_others_are_taken_over_when_asked" {
  command = plan
  variables {
    overwrite_records = true
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.site : record.allow_overwrite])
    error_message = "both aliases overwrite what is there"
  }
}

run "public_origin_says_the_secret" {
  command = plan
  variables {
    api_origin = {
      domain_name = "origin.staging.todo.example.com"
      paths       = ["/api/*"]
    }
    api_origin_headers = { X-Origin-Secret = "word" }
  }

  assert {
    condition     = nonsensitive([for o in aws_cloudfront_distribution.this.origin : [for h in o.custom_header : "${h.name}=${h.value}"] if o.origin_id == "api"]) == [["X-Origin-Secret=word"]]
    error_message = "the API's origin is sent the secret header"
  }
}
