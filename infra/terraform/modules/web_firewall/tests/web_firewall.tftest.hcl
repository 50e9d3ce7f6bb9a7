mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name = "todo-production"
}

run "in_front_of_cloudfront" {
  command = plan

  assert {
    condition     = aws_wafv2_web_acl.this.scope == "CLOUDFRONT" && aws_wafv2_web_acl.this.region == "us-east-1"
    error_message = "a distribution takes web ACLs of scope CLOUDFRONT, which are in us-east-1"
  }

  assert {
    condition     = toset([for r in aws_wafv2_web_acl.this.rule : r.name]) == toset(["rate", "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"])
    error_message = "want the rate rule and three managed groups"
  }
}
