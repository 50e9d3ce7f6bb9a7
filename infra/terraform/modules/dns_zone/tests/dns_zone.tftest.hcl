mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  domain = "todo.example.com"
}

run "four_name_servers" {
  assert {
    condition     = length(output.name_servers) == 4 && aws_route53_zone.this[0].delegation_set_id == aws_route53_delegation_set.this[0].id
    error_message = "want the delegation set's four name servers; got ${jsonencode(output.name_servers)}"
  }
}

run "a_zone_that_is_there" {
  command = plan
  variables {
    existing_zone_id = "Z0123456789ABCDEFGHIJ"
  }
  override_data {
    target = data.aws_route53_zone.existing
    values = { name = "example.com" }
  }

  assert {
    condition     = length(aws_route53_zone.this) == 0 && length(aws_route53_delegation_set.this) == 0 && output.domain == "example.com"
    error_message = "nothing is made where a zone is named"
  }
}

run "rejects_a_zone_of_another_domain" {
  command = plan
  variables {
    existing_zone_id = "Z0123456789ABCDEFGHIJ"
  }
  override_data {
    target = data.aws_route53_zone.existing
    values = { name = "not-todo.example.com" }
  }

  expect_failures = [data.aws_route53_zone.existing]
}
