mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name      = "todo"
  limit_usd = 100
  email     = "ops@example.com"
}

run "told_before_and_when_over" {
  command = plan

  assert {
    condition     = toset([for n in aws_budgets_budget.this.notification : "${n.notification_type} ${n.threshold}"]) == toset(["ACTUAL 50", "ACTUAL 90", "FORECASTED 100"])
    error_message = "want notices at 50 % and 90 %, and at a forecast above the limit"
  }

  assert {
    condition     = aws_budgets_budget.this.limit_amount == "100" && aws_budgets_budget.this.time_unit == "MONTHLY"
    error_message = "want 100 dollars a month"
  }
}

run "rejects_name" {
  command = plan
  variables {
    name = "a:b"
  }
  expect_failures = [var.name]
}

run "rejects_limit" {
  command = plan
  variables {
    limit_usd = 0
  }
  expect_failures = [var.limit_usd]
}

run "rejects_email" {
  command = plan
  variables {
    email = "nobody"
  }
  expect_failures = [var.email]
}
