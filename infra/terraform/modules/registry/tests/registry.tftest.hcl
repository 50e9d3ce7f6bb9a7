mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name = "todo-api"
}

run "immutable_and_scanned" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.this.force_delete == false
    error_message = "want immutable tags, scanning on push, and no forced delete unless asked"
  }

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : [rule.selection.tagStatus, rule.selection.countNumber]] == [["untagged", 14], ["any", 100]]
    error_message = "got ${aws_ecr_lifecycle_policy.this.policy}"
  }

  assert {
    condition     = output.arn == "arn:aws:ecr:eu-west-1:123456789012:repository/todo-api"
    error_message = "got ${output.arn}"
  }
}
