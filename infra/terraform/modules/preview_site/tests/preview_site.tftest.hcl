mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name            = "todo-staging-preview"
  domain          = "*.preview.staging.todo.example.com"
  zone_id         = "Z1"
  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
  api_origin      = { domain_name = "origin.staging.todo.example.com", vpc_origin_id = "vo_1" }
}

run "everything_goes_to_the_load_balancer" {
  command = plan

  assert {
    condition     = toset(aws_cloudfront_distribution.this.aliases) == toset(["*.preview.staging.todo.example.com"]) && aws_cloudfront_distribution.this.is_ipv6_enabled && toset([for r in aws_route53_record.site : "${r.type} ${r.name}"]) == toset(["A *.preview.staging.todo.example.com", "AAAA *.preview.staging.todo.example.com"])
    error_message = "want one wildcard for all previews, over IPv4 and IPv6"
  }

  assert {
    condition     = one(aws_cloudfront_distribution.this.origin).domain_name == "origin.staging.todo.example.com" && length(aws_cloudfront_distribution.this.ordered_cache_behavior) == 0
    error_message = "the page comes from the preview too"
  }

  assert {
    condition     = data.aws_cloudfront_origin_request_policy.all_viewer.name == "Managed-AllViewerAndCloudFrontHeaders-2022-06" && !aws_cloudfront_distribution.this.default_cache_behavior[0].compress
    error_message = "Host and the viewer's address must arrive, and event streams uncompressed"
  }
}
