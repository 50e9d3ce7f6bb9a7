locals {
  # Rules that refuse requests which openapi.yaml permits only count. Bodies: a list may have 1 MiB, which the API limits,
  # and a title may contain <script>, which is never rendered. Paths: a list's name has up to 128 code points (1,536 bytes
  # percent-encoded) and may be server.log or web-inf; the API opens no files by name. Queries: the page's address has the
  # name. Attacks on Java and React do not affect Go, and a todo or an Idempotency-Key may quote one.
  # https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
  managed_groups = {
    AWSManagedRulesAmazonIpReputationList = { priority = 1, counted = [] }
    AWSManagedRulesCommonRuleSet          = { priority = 2, counted = local.counted_common_rules }
    AWSManagedRulesKnownBadInputsRuleSet  = { priority = 3, counted = local.counted_bad_inputs }
  }

  counted_bad_inputs = [
    "ExploitablePaths_URIPATH",
    "JavaDeserializationRCE_BODY", "JavaDeserializationRCE_HEADER", "JavaDeserializationRCE_URIPATH", "JavaDeserializationRCE_QUERYSTRING",
    "Log4JRCE_BODY", "Log4JRCE_HEADER", "Log4JRCE_URIPATH", "Log4JRCE_QUERYSTRING",
    "ReactJSRCE_BODY",
  ]

  counted_common_rules = [
    "SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "EC2MetaDataSSRF_BODY",
    "SizeRestrictions_URIPATH", "CrossSiteScripting_URIPATH", "GenericLFI_URIPATH", "GenericRFI_URIPATH", "EC2MetaDataSSRF_URIPATH", "RestrictedExtensions_URIPATH",
    "CrossSiteScripting_QUERYARGUMENTS", "GenericLFI_QUERYARGUMENTS", "GenericRFI_QUERYARGUMENTS", "EC2MetaDataSSRF_QUERYARGUMENTS", "RestrictedExtensions_QUERYARGUMENTS",
  ]
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192: the known-bad-inputs group has the rule; checkov does not see it behind the dynamic block

  region      = "us-east-1"
  name        = var.name
  description = "In front of ${var.name}"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 0

    action {
      block {}
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "IP"
        evaluation_window_sec = 300
        limit                 = var.rate_limit
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.managed_groups

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key

          dynamic "rule_action_override" {
            for_each = rule.value.counted

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }

  lifecycle {
    create_before_destroy = true
  }
}

# AWS requires this prefix of the name.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338: a variable sets the days
  #checkov:skip=CKV_AWS_158: CloudWatch encrypts with its own keys; a KMS key would cost more than the log

  region            = "us-east-1"
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.log_retention_days
}

# Only blocked and counted requests: the distribution's log has the others.
resource "aws_wafv2_web_acl_logging_configuration" "this" {
  region                  = "us-east-1"
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.this.arn]

  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}
