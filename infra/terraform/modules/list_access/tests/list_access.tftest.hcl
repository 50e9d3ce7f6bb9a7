mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  bucket = "todo-staging-lists-123456789012"
  prefix = "previews/12"
}

run "one_prefix_and_no_more" {
  command = plan

  assert {
    condition = { for s in output.statements : s.Sid => "${join(",", s.Action)} ${one(s.Resource)}" if s.Effect == "Allow" } == {
      ReadAndWriteLists        = "s3:GetObject,s3:PutObject arn:aws:s3:::todo-staging-lists-123456789012/previews/12/*"
      EraseLists               = "s3:DeleteObject arn:aws:s3:::todo-staging-lists-123456789012/previews/12/*"
      TellMissingFromForbidden = "s3:ListBucket arn:aws:s3:::todo-staging-lists-123456789012"
    }
    error_message = "got ${jsonencode(output.statements)}"
  }

  # GetObject has no s3:prefix: a condition on it would turn every missing list into a refusal.
  assert {
    condition     = { for s in output.statements : s.Sid => s.Condition if can(s.Condition) } == { EraseLists = { Null = { "s3:if-match" = ["false"] } } }
    error_message = "only deleting has a condition, and deletes a known version alone"
  }

  assert {
    condition     = output.url == "s3://todo-staging-lists-123456789012/previews/12?region=eu-west-1"
    error_message = "got ${output.url}"
  }
}
