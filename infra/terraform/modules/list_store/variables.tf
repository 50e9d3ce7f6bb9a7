variable "name" {
  description = "Name of the bucket; unique in all of AWS, so end it with the account id."
  type        = string
}

variable "prefix" {
  description = "Key prefix below which the lists are kept, without slashes at its ends."
  type        = string
  default     = "lists"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_-]+(/[a-z0-9_-]+)*$", var.prefix))
    error_message = "prefix has lower-case letters, digits, _ and -, with single slashes between parts and none at the ends."
  }
}

variable "noncurrent_days" {
  description = "Days for which an overwritten revision of a list can be brought back from the bucket; null for ever."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days == null || try(var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days, false)
    error_message = "noncurrent_days is a whole number of days, at least 1, or null."
  }
}

variable "access_log_bucket" {
  description = "Name of the bucket that receives server access logs; null for none."
  type        = string
  default     = null
}

variable "allow_destroy" {
  description = "Whether destroying the bucket also deletes all lists and their history."
  type        = bool
  default     = false
  nullable    = false
}
