mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name = "todo"
}

run "two_zones_public_and_private" {
  command = plan

  assert {
    condition     = toset(keys(aws_subnet.public)) == toset(["eu-west-1a", "eu-west-1b"]) && toset(keys(aws_subnet.private)) == toset(["eu-west-1a", "eu-west-1b"])
    error_message = "want a public and a private subnet in each of two zones; got ${jsonencode(keys(aws_subnet.public))} and ${jsonencode(keys(aws_subnet.private))}"
  }

  assert {
    condition     = length(distinct(concat([for s in aws_subnet.public : s.cidr_block], [for s in aws_subnet.private : s.cidr_block]))) == 4
    error_message = "subnets must not share a range"
  }

  assert {
    condition     = alltrue([for s in merge(aws_subnet.public, { for zone, s in aws_subnet.private : "private-${zone}" => s }) : s.map_public_ip_on_launch != true])
    error_message = "nothing gets a public address by being in a subnet"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 2
    error_message = "single_nat: one gateway, and a route of each zone to it"
  }
}

run "default_security_group_is_closed" {
  command = plan

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "the VPC's default security group must have no rule"
  }
}

run "a_gateway_a_zone" {
  # Applied by mocks, to see which gateway each zone's route takes.
  variables {
    egress = "nat_per_zone"
  }

  assert {
    condition     = alltrue([for zone, route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.this[zone].id]) && length(aws_nat_gateway.this) == 2
    error_message = "nat_per_zone: each zone leaves by its own gateway"
  }

  assert {
    condition     = toset(output.instance_subnet_ids) == toset([for s in aws_subnet.private : s.id]) && !output.instances_have_public_addresses
    error_message = "instances belong in the private subnets"
  }
}

run "public_addresses_need_no_gateway" {
  variables {
    egress = "public_addresses"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_route.nat) == 0
    error_message = "public_addresses: no gateway, no address, no route to one"
  }

  assert {
    condition     = toset(output.instance_subnet_ids) == toset([for s in aws_subnet.public : s.id]) && output.instances_have_public_addresses
    error_message = "instances belong in the public subnets, with addresses"
  }
}

run "zones_by_name" {
  command = plan
  variables {
    zones = ["eu-west-1b", "eu-west-1c"]
  }

  assert {
    condition     = output.zones == tolist(["eu-west-1b", "eu-west-1c"])
    error_message = "got ${jsonencode(output.zones)}"
  }
}

run "asks_for_zones_with_vpc_origins" {
  command = plan

  assert {
    condition     = data.aws_availability_zones.available.exclude_zone_ids == toset(["use1-az3", "usw1-az2", "apne1-az3", "cac1-az3"])
    error_message = "VPC origins do not work in four zones, known by their ids; got ${jsonencode(data.aws_availability_zones.available.exclude_zone_ids)}"
  }
}

run "rejects_a_zone_without_vpc_origins" {
  command = plan
  variables {
    zones = ["eu-west-1a", "eu-west-1z"]
  }
  expect_failures = [aws_vpc.this]
}

run "rejects_a_region_with_one_zone" {
  command = plan
  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["us-west-1b"] }
  }
  expect_failures = [aws_vpc.this]
}
