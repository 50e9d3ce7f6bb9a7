variable "name" {
  description = "Name of the bucket; unique in all of AWS, so end it with the account id."
  type        = string
}

variable "prefix" {
  description = "Key prefix of the lists, without slashes at its ends."
  type        = string
  default     = "lists"
  nullable    = false
}

variable "noncurrent_days" {
  description = "Days for which an overwritten revision of a list can be restored from the bucket; null for no limit."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days == null || try(var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days, false)
    error_message = "noncurrent_days is a whole number of days, at least 1, or null."
  }
}

variable "expire_prefixes" {
  description = "Days after which lists below a prefix are deleted, by prefix, such as the previews' prefixes."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "access_log_bucket" {
  description = "Name of the bucket that receives server access logs; null for none."
  type        = string
  default     = null
}

variable "copy_region" {
  description = "Another region to which every version of every list is copied when it is written; null for no copy."
  type        = string
  default     = null

  validation {
    condition     = var.copy_region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.copy_region)) && !can(regex("^(cn|us-gov|us-iso[a-z]?|eu-isoe|eusc)-", var.copy_region))
    error_message = "copy_region is a region of the partition aws such as eu-central-1, because S3 does not copy to other partitions, or null."
  }
}

variable "allow_destroy" {
  description = "Whether destroying the bucket also deletes all lists and their history."
  type        = bool
  default     = false
  nullable    = false
}
