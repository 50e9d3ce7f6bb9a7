resource "aws_budgets_budget" "this" {
  name         = var.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.limit_usd)
  limit_unit   = "USD"

  dynamic "notification" {
    for_each = {
      actual_half   = { type = "ACTUAL", percent = 50 }
      actual_most   = { type = "ACTUAL", percent = 90 }
      forecast_over = { type = "FORECASTED", percent = 100 }
    }

    content {
      notification_type          = notification.value.type
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = [var.email]
    }
  }
}
