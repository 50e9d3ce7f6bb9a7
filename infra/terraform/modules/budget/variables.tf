variable "name" {
  description = "Name of the budget."
  type        = string

  validation {
    condition     = length(var.name) >= 1 && length(var.name) <= 100 && !can(regex("[:\\\\]", var.name))
    error_message = "name has 1 to 100 characters, none of them : or \\."
  }
}

variable "limit_usd" {
  description = "What the account may cost a month, in US dollars."
  type        = number

  validation {
    condition     = var.limit_usd >= 1
    error_message = "limit_usd is an amount in US dollars, at least 1."
  }
}

variable "email" {
  description = "Address that is told at 50 % and 90 % of the limit, and when the month is forecast to end above it."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.email))
    error_message = "email is an e-mail address such as ops@example.com."
  }
}
