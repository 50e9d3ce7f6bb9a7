mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name = "todo-staging-lists-123456789012"
}

run "no_write_without_a_condition" {
  command = plan

  # Denied when neither header is there: both conditions under one operator, on every object, for everybody.
  assert {
    condition = [for s in jsondecode(output.policy_json).Statement : s if s.Sid == "ConditionalWritesOnly"] == [{
      Sid       = "ConditionalWritesOnly", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::todo-staging-lists-123456789012/*"
      Condition = { Null = { "s3:if-match" = "true", "s3:if-none-match" = "true" } }
    }]
    error_message = "got ${output.policy_json}"
  }

  assert {
    condition     = contains([for s in jsondecode(output.policy_json).Statement : s.Sid], "TLSOnly")
    error_message = "the lists' bucket must demand TLS"
  }
}

run "access_is_exactly_get_put_erase_and_list" {
  command = plan

  assert {
    condition = { for s in output.access_statements : s.Sid => "${join(",", flatten([s.Action]))} ${s.Resource}" if s.Effect == "Allow" } == {
      ReadAndWriteLists        = "s3:GetObject,s3:PutObject arn:aws:s3:::todo-staging-lists-123456789012/lists/*"
      EraseLists               = "s3:DeleteObject arn:aws:s3:::todo-staging-lists-123456789012/lists/*"
      TellMissingFromForbidden = "s3:ListBucket arn:aws:s3:::todo-staging-lists-123456789012"
    }
    error_message = "got ${jsonencode(output.access_statements)}"
  }

  # GetObject has no s3:prefix: a condition on it would turn every missing list into a refusal.
  assert {
    condition     = { for s in output.access_statements : s.Sid => s.Condition if can(s.Condition) } == { EraseLists = { Null = { "s3:if-match" = "false" } } }
    error_message = "only deleting has a condition, and deletes a known version alone"
  }

  assert {
    condition     = output.url == "s3://todo-staging-lists-123456789012/lists?region=eu-west-1"
    error_message = "got ${output.url}"
  }
}

run "rejects_prefix_slash" {
  command = plan
  variables {
    prefix = "/lists"
  }
  expect_failures = [var.prefix]
}

run "rejects_prefix_empty" {
  command = plan
  variables {
    prefix = ""
  }
  expect_failures = [var.prefix]
}

run "rejects_noncurrent_days" {
  command = plan
  variables {
    noncurrent_days = 0
  }
  expect_failures = [var.noncurrent_days]
}
