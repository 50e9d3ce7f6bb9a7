mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name = "todo-logs-123456789012"
}

run "each_service_writes_its_own_part" {
  command = plan

  assert {
    condition = { for s in jsondecode(output.policy_json).Statement : s.Sid => s.Resource if s.Effect == "Allow" && s.Action == ["s3:PutObject"] } == {
      LoadBalancerLogs = ["arn:aws:s3:::todo-logs-123456789012/alb/AWSLogs/123456789012/*"]
      BucketAccessLogs = ["arn:aws:s3:::todo-logs-123456789012/s3/*"]
      DeliveredLogs    = ["arn:aws:s3:::todo-logs-123456789012/cloudfront/*", "arn:aws:s3:::todo-logs-123456789012/vpc/*"]
    }
    error_message = "got ${output.policy_json}"
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.policy_json).Statement : can(s.Principal.Service) if s.Effect == "Allow"])
    error_message = "only services are allowed in"
  }
}
