variable "name" {
  description = "Name of the pool."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,127}$", var.name))
    error_message = "name begins with a lower-case letter and has at most 128 lower-case letters, digits and hyphens."
  }
}

variable "domain_prefix" {
  description = "First label of the sign-in page's host name; unique in the region, so end it with the account id."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.domain_prefix)) && !can(regex("aws|amazon|cognito", var.domain_prefix))
    error_message = "domain_prefix is a label of at most 63 lower-case letters, digits and hyphens, without aws, amazon and cognito, which AWS keeps."
  }
}

variable "addresses" {
  description = "Addresses of the page, to which the browser returns."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.addresses) >= 1 && length(var.addresses) <= 100 && alltrue([for address in var.addresses : can(regex("^(https://[^/#]+|http://localhost(:[0-9]+)?)/", address))])
    error_message = "addresses are 1 to 100 addresses such as https://todo.example.com/, or of localhost."
  }
}

variable "open" {
  description = "Whether everyone may create an account; otherwise only administrators may."
  type        = bool
  default     = false
  nullable    = false
}

variable "allow_destroy" {
  description = "Whether the pool may be destroyed, with the accounts in it."
  type        = bool
  default     = false
  nullable    = false
}
