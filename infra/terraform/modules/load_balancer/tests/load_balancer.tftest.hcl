mock_provider "aws" {
  source = "../../test/mocks"
}

mock_provider "random" {}

variables {
  name               = "todo-staging"
  vpc_id             = "vpc-1"
  private_subnet_ids = ["subnet-private-a", "subnet-private-b"]
  public_subnet_ids  = ["subnet-public-a", "subnet-public-b"]
  origin_domain      = "origin.todo.example.com"
  zone_id            = "Z1"
  certificate_arn    = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
}

run "reached_through_the_vpc" {
  assert {
    condition     = aws_lb.this.internal && toset(aws_lb.this.subnets) == toset(["subnet-private-a", "subnet-private-b"])
    error_message = "a VPC origin's load balancer is internal, in the private subnets"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.cloudfront) == 0 && aws_vpc_security_group_ingress_rule.vpc_origin[0].referenced_security_group_id == "sg-vpc-origins" && aws_vpc_security_group_ingress_rule.vpc_origin[0].from_port == 443 && aws_vpc_security_group_ingress_rule.vpc_origin[0].to_port == 443
    error_message = "the only way in is HTTPS from CloudFront's group"
  }

  assert {
    condition     = length(nonsensitive(output.origin_headers)) == 0 && !issensitive(output.origin) && output.origin.vpc_origin_id != null && output.origin.domain_name == "origin.todo.example.com"
    error_message = "the origin is a VPC origin without a secret"
  }

  assert {
    condition     = aws_lb_target_group.this.health_check[0].path == "/livez" && aws_lb_target_group.this.deregistration_delay == "30" && aws_lb.this.idle_timeout == 60
    error_message = "want /livez, 30 s of draining and 60 s of idling"
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].type == "fixed-response" && one(aws_lb_listener.https.default_action[0].fixed_response).status_code == "403"
    error_message = "what no rule lets through is 403"
  }

  assert {
    condition     = toset(flatten([for c in aws_lb_listener_rule.api.condition : [for p in c.path_pattern : p.values]])) == toset(["/api/*", "/livez", "/readyz"])
    error_message = "the API's paths alone are forwarded; /metrics is not among them"
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection
    error_message = "deletion protection is on unless destroying is allowed"
  }
}

run "reached_over_the_internet_with_a_secret" {
  variables {
    api_origin    = "public"
    allow_destroy = true
  }

  assert {
    condition     = !aws_lb.this.internal && toset(aws_lb.this.subnets) == toset(["subnet-public-a", "subnet-public-b"]) && length(aws_cloudfront_vpc_origin.this) == 0
    error_message = "public: in the public subnets, no VPC origin"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.vpc_origin) == 0 && aws_vpc_security_group_ingress_rule.cloudfront[0].prefix_list_id == "pl-cloudfront" && aws_vpc_security_group_ingress_rule.cloudfront[0].cidr_ipv4 == null
    error_message = "the only way in is HTTPS from CloudFront's prefix list"
  }

  assert {
    condition     = nonsensitive(output.origin_headers["X-Origin-Secret"] == random_password.origin_secret[0].result) && contains(flatten([for c in aws_lb_listener_rule.api.condition : [for h in c.http_header : h.values]]), random_password.origin_secret[0].result)
    error_message = "the listener demands the word that CloudFront is given"
  }

  assert {
    condition     = !aws_lb.this.enable_deletion_protection
    error_message = "allow_destroy lifts deletion protection"
  }
}

run "tasks_with_addresses_of_their_own" {
  command = plan
  variables {
    target_type = "ip"
  }

  assert {
    condition     = aws_lb_target_group.this.target_type == "ip"
    error_message = "Fargate's tasks register by address"
  }
}

run "rejects_a_certificate_of_another_region" {
  command = plan
  variables {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
  }
  expect_failures = [aws_lb_listener.https]
}
