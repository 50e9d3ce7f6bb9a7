variable "domain" {
  description = "The certificate's first name."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.domain) <= 64 && can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.domain))
    error_message = "domain is a host name such as todo.example.com of at most 64 characters (a certificate's common name holds no more)."
  }
}

variable "alternative_names" {
  description = "Alternative names of the certificate."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.alternative_names : can(regex("^(\\*\\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", name))])
    error_message = "Each alternative name is a host name such as origin.todo.example.com."
  }
}

variable "regions" {
  description = "Regions of the certificate; duplicates are ignored."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "regions are one or more AWS regions such as us-east-1."
  }
}

variable "zone_id" {
  description = "Id of the hosted zone of the validation records."
  type        = string

  validation {
    condition     = can(regex("^Z[A-Z0-9]{1,31}$", var.zone_id))
    error_message = "zone_id is a Route 53 zone id such as Z0123456789ABCDEFGHIJ."
  }
}
