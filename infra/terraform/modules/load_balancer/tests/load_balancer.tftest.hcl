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
    condition     = nonsensitive(length(output.origin.headers) == 0 && output.origin.vpc_origin_id != null && output.origin.domain_name == "origin.todo.example.com")
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
    condition     = nonsensitive(output.origin.headers["X-Origin-Secret"] == random_password.origin_secret[0].result) && contains(flatten([for c in aws_lb_listener_rule.api.condition : [for h in c.http_header : h.values]]), random_password.origin_secret[0].result)
    error_message = "the listener demands the word that CloudFront is given"
  }

  assert {
    condition     = !aws_lb.this.enable_deletion_protection
    error_message = "allow_destroy lifts deletion protection"
  }
}

run "rejects_name" {
  command = plan
  variables {
    name = "todo-"
  }
  expect_failures = [var.name]
}

run "rejects_one_private_subnet" {
  command = plan
  variables {
    private_subnet_ids = ["subnet-a"]
  }
  expect_failures = [var.private_subnet_ids]
}

run "rejects_one_public_subnet" {
  command = plan
  variables {
    public_subnet_ids = ["subnet-a"]
  }
  expect_failures = [var.public_subnet_ids]
}

run "rejects_api_origin" {
  command = plan
  variables {
    api_origin = "private"
  }
  expect_failures = [var.api_origin]
}

run "rejects_origin_domain" {
  command = plan
  variables {
    origin_domain = "https://x"
  }
  expect_failures = [var.origin_domain]
}

run "rejects_paths_without_slash" {
  command = plan
  variables {
    paths = ["api"]
  }
  expect_failures = [var.paths]
}

run "rejects_too_many_paths" {
  command = plan
  variables {
    paths = ["/a", "/b", "/c", "/d"]
  }
  expect_failures = [var.paths]
}

run "rejects_health_check_path" {
  command = plan
  variables {
    health_check_path = "readyz"
  }
  expect_failures = [var.health_check_path]
}

run "rejects_unhealthy_threshold" {
  command = plan
  variables {
    unhealthy_threshold = 1
  }
  expect_failures = [var.unhealthy_threshold]
}

run "rejects_deregistration_delay" {
  command = plan
  variables {
    deregistration_delay = 5
  }
  expect_failures = [var.deregistration_delay]
}

run "rejects_access_log_bucket" {
  command = plan
  variables {
    access_log_bucket = "s3://logs"
  }
  expect_failures = [var.access_log_bucket]
}

run "rejects_zone_id" {
  command = plan
  variables {
    zone_id = "/hostedzone/Z1"
  }
  expect_failures = [var.zone_id]
}

run "rejects_vpc_id" {
  command = plan
  variables {
    vpc_id = "10.0.0.0/16"
  }
  expect_failures = [var.vpc_id]
}

run "rejects_certificate_arn" {
  command = plan
  variables {
    certificate_arn = "todo.example.com"
  }
  expect_failures = [var.certificate_arn]
}

run "rejects_origin_secret_generation" {
  command = plan
  variables {
    origin_secret_generation = 0
  }
  expect_failures = [var.origin_secret_generation]
}
