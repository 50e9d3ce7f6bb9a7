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

  assert {
    condition     = length(aws_route53_zone.this) == 0 && length(aws_route53_delegation_set.this) == 0
    error_message = "nothing is made where a zone is named"
  }
}

run "rejects_bad_values" {
  command = plan
  variables {
    domain           = "https://todo.example.com"
    existing_zone_id = "hostedzone/Z1"
  }
  expect_failures = [var.domain, var.existing_zone_id]
}

run "rejects_other_bad_values" {
  command = plan
  variables {
    domain = "todo.example.com."
  }
  expect_failures = [var.domain]
}

run "rejects_more_bad_values" {
  command = plan
  variables {
    domain = "example"
  }
  expect_failures = [var.domain]
}

run "rejects_still_other_bad_values" {
  command = plan
  variables {
    domain = "Todo.example.com"
  }
  expect_failures = [var.domain]
}
