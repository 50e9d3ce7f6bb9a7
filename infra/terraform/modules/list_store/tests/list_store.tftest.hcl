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
      Sid       = "ConditionalWritesOnly", Effect = "Deny", Principal = { AWS = ["*"] }, Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::todo-staging-lists-123456789012/*"]
      Condition = { Null = { "s3:if-match" = ["true"], "s3:if-none-match" = ["true"] } }
    }]
    error_message = "got ${output.policy_json}"
  }

  assert {
    condition     = contains([for s in jsondecode(output.policy_json).Statement : s.Sid], "TLSOnly")
    error_message = "the lists' bucket must demand TLS"
  }
}

run "access_is_to_its_prefix" {
  command = plan

  assert {
    condition     = toset(flatten(output.access_statements[*].Resource)) == toset(["arn:aws:s3:::${var.name}", "arn:aws:s3:::${var.name}/lists/*"])
    error_message = "got ${jsonencode(output.access_statements)}"
  }

  assert {
    condition     = output.url == "s3://todo-staging-lists-123456789012/lists?region=eu-west-1"
    error_message = "got ${output.url}"
  }
}

run "copied_to_another_region" {
  variables {
    copy_region = "eu-central-1"
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.copy[0].rule[0].destination[0].bucket == "arn:aws:s3:::${var.name}-copy" && aws_s3_bucket_replication_configuration.copy[0].rule[0].delete_marker_replication[0].status == "Disabled"
    error_message = "lists are copied, deletions are not"
  }

  assert {
    condition     = toset(flatten([for s in jsondecode(aws_iam_role_policy.copy[0].policy).Statement : s.Resource])) == toset(["arn:aws:s3:::${var.name}", "arn:aws:s3:::${var.name}/lists/*", "arn:aws:s3:::${var.name}-copy/*"])
    error_message = "the role copies these lists and nothing else: ${aws_iam_role_policy.copy[0].policy}"
  }
}
