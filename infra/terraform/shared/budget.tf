resource "aws_budgets_budget" "this" {
  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(local.project.monthly_budget_usd)
  limit_unit   = "USD"

  dynamic "notification" {
    for_each = [["ACTUAL", 50], ["ACTUAL", 90], ["FORECASTED", 100]]

    content {
      notification_type          = notification.value[0]
      threshold                  = notification.value[1]
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = [local.project.alarm_email]
    }
  }

  lifecycle {
    precondition {
      condition     = try(local.project.monthly_budget_usd >= 1, false)
      error_message = "monthly_budget_usd in project.yaml is an amount in US dollars, at least 1."
    }

    precondition {
      condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", local.project.alarm_email))
      error_message = "alarm_email in project.yaml is an e-mail address such as ops@example.com."
    }
  }
}

moved {
  from = module.budget.aws_budgets_budget.this
  to   = aws_budgets_budget.this
}
