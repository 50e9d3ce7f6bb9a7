data "aws_region" "current" {}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394: a new zone cannot move existing subnets unless it sorts first; the variable zones pins them

  state = "available"

  # CloudFront's VPC origins do not work in these zones. Zone names differ between accounts, zone ids do not.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
  exclude_zone_ids = ["use1-az3", "usw1-az2", "apne1-az3", "cac1-az3"]

  # Excludes local and wavelength zones.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  usable = data.aws_availability_zones.available.names
  zones  = var.zones == null ? slice(local.usable, 0, min(2, length(local.usable))) : var.zones

  # Sixteen blocks of equal size; the unused ones are for later subnets (a database needs two).
  public  = { for index, zone in local.zones : zone => cidrsubnet(var.cidr, 4, index) }
  private = { for index, zone in local.zones : zone => cidrsubnet(var.cidr, 4, index + 8) }

  nat_zones = {
    single_nat       = toset(slice(local.zones, 0, min(1, length(local.zones))))
    nat_per_zone     = toset(local.zones)
    public_addresses = toset([])
  }[var.egress]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(local.zones) == 2 && alltrue([for zone in local.zones : contains(local.usable, zone)])
      error_message = "zones are two of ${join(", ", local.usable)}: the zones that this account has in the region and where CloudFront's VPC origins work. Got ${join(", ", local.zones)}."
    }
  }
}

# The default group of resources without one: it has no rules, so that a forgotten group fails closed.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  ingress = []
  egress  = []

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_flow_log" "this" {
  count = var.flow_log_bucket_arn == null ? 0 : 1

  vpc_id               = aws_vpc.this.id
  traffic_type         = "REJECT"
  log_destination_type = "s3"
  log_destination      = "${var.flow_log_bucket_arn}/vpc/"
}
