variable "domain" {
  description = "Domain of the zone, which is already registered, at any registrar."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.domain) <= 253 && can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.domain))
    error_message = "domain is a host name such as todo.example.com: lower case, at least one dot, no scheme, no path, no dot at the end."
  }
}

variable "existing_zone_id" {
  description = "Id of an existing hosted zone of the domain or its parent; null creates a zone with a delegation set."
  type        = string
  default     = null

  validation {
    condition     = var.existing_zone_id == null || can(regex("^Z[A-Z0-9]{1,31}$", var.existing_zone_id))
    error_message = "existing_zone_id is a Route 53 zone id such as Z0123456789ABCDEFGHIJ, or null."
  }
}

variable "allow_destroy" {
  description = "Whether destroying the zone also deletes records that Terraform does not manage."
  type        = bool
  default     = false
  nullable    = false
}
