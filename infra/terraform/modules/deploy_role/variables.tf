variable "name" {
  description = "Name of the role."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,63}$", var.name))
    error_message = "name begins with a lower-case letter and has at most 64 lower-case letters, digits and hyphens."
  }
}

variable "repository" {
  description = "The GitHub repository whose workflows may take the role."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository is owner/name, such as gchamon/devops-challenge."
  }
}

variable "environment" {
  description = "The GitHub environment that the workflow must run in; its protection rules are the gate."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment has 2 to 12 lower-case letters and digits and begins with a letter."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the account's identity provider for GitHub Actions."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn ends in :oidc-provider/token.actions.githubusercontent.com."
  }
}
