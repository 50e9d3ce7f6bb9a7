# What the configuration takes apart; everything else is made up by Terraform.
mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_region" {
  defaults = { region = "eu-west-1" }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
}

mock_data "aws_security_group" {
  defaults = { id = "sg-vpc-origins" }
}

mock_data "aws_ec2_managed_prefix_list" {
  defaults = { id = "pl-cloudfront" }
}

mock_data "aws_s3_object" {
  defaults = { body = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH4Nq9mC9kJ0rBa3mW5mB9a3cZ0cXzI0w0qSgT2uJ0Vd todo\n" }
}

# Two uses: the machine image's id, and what the root shared published.
mock_data "aws_ssm_parameter" {
  defaults = {
    value          = "ami-0123456789abcdef0"
    insecure_value = <<-EOT
      {
        "vpc_id": "vpc-1",
        "public_subnet_ids": ["subnet-public-a", "subnet-public-b"],
        "private_subnet_ids": ["subnet-private-a", "subnet-private-b"],
        "instance_subnet_ids": ["subnet-private-a", "subnet-private-b"],
        "instances_have_public_addresses": false,
        "zone_id": "Z1",
        "zone_domain": "example.com",
        "delegated_domains": ["another.example.com"],
        "repository_name": "todo-api",
        "repository_arn": "arn:aws:ecr:eu-west-1:123456789012:repository/todo-api",
        "repository_url": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/todo-api",
        "key_name": "todo-v1"
      }
    EOT
  }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    domain_validation_options = [
      { domain_name = "todo.example.com", resource_record_name = "_a.todo.example.com", resource_record_type = "CNAME", resource_record_value = "_a.acm" },
      { domain_name = "origin.todo.example.com", resource_record_name = "_b.todo.example.com", resource_record_type = "CNAME", resource_record_value = "_b.acm" },
      { domain_name = "staging.todo.example.com", resource_record_name = "_c.todo.example.com", resource_record_type = "CNAME", resource_record_value = "_c.acm" },
      { domain_name = "origin.staging.todo.example.com", resource_record_name = "_d.todo.example.com", resource_record_type = "CNAME", resource_record_value = "_d.acm" },
      { domain_name = "preview.todo.example.com", resource_record_name = "_e.todo.example.com", resource_record_type = "CNAME", resource_record_value = "_e.acm" },
      { domain_name = "origin.preview.todo.example.com", resource_record_name = "_f.todo.example.com", resource_record_type = "CNAME", resource_record_value = "_f.acm" },
    ]
  }
}

mock_resource "aws_cloudfront_distribution" {
  defaults = {
    id          = "EDISTRIBUTION"
    arn         = "arn:aws:cloudfront::123456789012:distribution/EDISTRIBUTION"
    domain_name = "d1.cloudfront.net"
  }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/todo/1" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/1" }
}

mock_resource "aws_route53_delegation_set" {
  defaults = { name_servers = ["ns-1.example.net", "ns-2.example.net", "ns-3.example.net", "ns-4.example.net"] }
}

mock_resource "aws_lb" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/todo/1", arn_suffix = "app/todo/1", dns_name = "internal-todo.elb.amazonaws.com" }
}

mock_resource "aws_lb_target_group" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/todo/1", arn_suffix = "targetgroup/todo/1" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:alarms" }
}

mock_resource "aws_elasticache_serverless_cache" {
  defaults = { endpoint = [{ address = "todo.serverless.cache.amazonaws.com", port = 6379 }] }
}
