variable "name" {
  description = "Name of the bucket; unique in all of AWS, so end it with the account id."
  type        = string
}

variable "retention_days" {
  description = "Days after which a log file is deleted."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 3650 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days is a whole number of days from 1 to 3650."
  }
}

variable "allow_destroy" {
  description = "Whether destroying the bucket also deletes the logs in it."
  type        = bool
  default     = false
  nullable    = false
}
