variable "github_oidc_provider_arn" {
  description = "ARN of the account's identity provider for GitHub Actions if it exists already; null creates it."
  type        = string
  default     = null

  validation {
    condition     = var.github_oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_oidc_provider_arn))
    error_message = "github_oidc_provider_arn ends in :oidc-provider/token.actions.githubusercontent.com, or is null."
  }
}

variable "environments" {
  description = "Environments of this account; null for all directories of environments."
  type        = set(string)
  default     = null

  validation {
    condition     = var.environments == null || try(length(setsubtract(var.environments, [for path in fileset("${path.module}/../environments", "*/main.tf") : dirname(path)])) == 0, false)
    error_message = "environments are directories of environments, such as staging."
  }
}

variable "allow_destroy" {
  description = "Whether the states' bucket may be destroyed with every state in it. Destroy it last."
  type        = bool
  default     = false
  nullable    = false
}
