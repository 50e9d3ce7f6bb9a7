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

  # A list may be a mebibyte, and a title may speak of <script>.
  assert {
    condition     = contains(flatten([for r in aws_wafv2_web_acl.this.rule : [for o in r.statement[0].managed_rule_group_statement[0].rule_action_override : o.name] if r.name == "AWSManagedRulesCommonRuleSet"]), "SizeRestrictions_BODY")
    error_message = "large lists must pass the common rules"
  }
}
