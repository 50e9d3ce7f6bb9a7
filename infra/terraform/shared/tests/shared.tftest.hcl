mock_provider "aws" {
  source = "../test/mocks"
}

variables {
  keydeposit = "true"
}

run "publishes_what_environments_read" {
  assert {
    condition = toset(keys(jsondecode(aws_ssm_parameter.shared.insecure_value))) == toset([
      "delegated_domains", "instance_subnet_ids", "instances_have_public_addresses", "key_name", "private_subnet_ids", "public_subnet_ids",
      "repository_arn", "repository_name", "repository_url", "vpc_id", "zone_domain", "zone_id",
    ])
    error_message = "got ${aws_ssm_parameter.shared.insecure_value}"
  }

  assert {
    condition     = length(output.name_servers) == 4
    error_message = "want four name servers; got ${jsonencode(output.name_servers)}"
  }

  assert {
    condition     = toset([for n in aws_budgets_budget.this.notification : "${n.notification_type} ${n.threshold}"]) == toset(["ACTUAL 50", "ACTUAL 90", "FORECASTED 100"])
    error_message = "want notices at 50 % and 90 % of the budget, and at a forecast above it"
  }
}

run "rejects_a_delegation_from_elsewhere" {
  command = plan
  variables {
    delegations = { "staging.example.com" = ["ns-1.example.net", "ns-2.example.net"] }
  }

  expect_failures = [aws_route53_record.delegation]
}

# The runner compares the protections in this plan with those in the state of "publishes_what_environments_read".
run "may_be_destroyed" {
  command = plan
  variables {
    allow_destroy = true
  }
}
