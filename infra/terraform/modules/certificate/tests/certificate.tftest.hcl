mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  domain            = "todo.example.com"
  alternative_names = ["origin.todo.example.com"]
  regions           = ["eu-west-1", "us-east-1"]
  zone_id           = "Z1"
}

run "one_a_region_and_each_record_once" {
  assert {
    condition     = { for region, c in aws_acm_certificate.this : region => c.region } == { eu-west-1 = "eu-west-1", us-east-1 = "us-east-1" }
    error_message = "want a certificate in the region and in us-east-1"
  }

  assert {
    condition     = { for name, record in aws_route53_record.validation : name => record.name } == { "todo.example.com" = "_a.todo.example.com", "origin.todo.example.com" = "_b.todo.example.com" }
    error_message = "want one record a name, however many regions"
  }

  assert {
    condition     = alltrue([for c in aws_acm_certificate.this : c.validation_method == "DNS"])
    error_message = "want validation by DNS"
  }
}

run "us_east_1_alone" {
  command = plan
  variables {
    regions = ["us-east-1", "us-east-1"]
  }

  assert {
    condition     = length(aws_acm_certificate.this) == 1
    error_message = "a stack in us-east-1 needs one certificate, not two"
  }
}
