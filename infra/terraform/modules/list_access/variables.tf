variable "bucket" {
  description = "Name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket is the name of a bucket (3 to 63 lower-case letters, digits and hyphens)."
  }
}

variable "prefix" {
  description = "Key prefix of the lists, without slashes at its ends."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9_-]+(/[a-z0-9_-]+)*$", var.prefix))
    error_message = "prefix has lower-case letters, digits, _ and -, with single slashes between parts and none at the ends."
  }
}
