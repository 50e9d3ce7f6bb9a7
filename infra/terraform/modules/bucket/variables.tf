variable "name" {
  description = "Name of the bucket; unique in all of AWS, so end it with the account id."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name)) && !can(regex("^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|--x-s3|--table-s3)$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits and hyphens, neither begins nor ends with a hyphen, and is not one that S3 keeps (sthree-...)."
  }
}

variable "region" {
  description = "Region of the bucket; null for the provider's."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is an AWS region such as eu-central-1, or null."
  }
}

variable "versioned" {
  description = "Whether overwritten and deleted objects stay as noncurrent versions."
  type        = bool
  default     = true
  nullable    = false
}

variable "noncurrent_days" {
  description = "Days after which a noncurrent version is deleted; null for never."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days == null || try(var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days, false)
    error_message = "noncurrent_days is a whole number of days, at least 1, or null."
  }
}

variable "expire_days" {
  description = "Days after which an object is deleted; null for never."
  type        = number
  default     = null

  validation {
    condition     = var.expire_days == null || try(var.expire_days >= 1 && floor(var.expire_days) == var.expire_days, false)
    error_message = "expire_days is a whole number of days, at least 1, or null."
  }
}

variable "expire_prefixes" {
  description = "Days after which objects below a prefix are deleted, by prefix."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for prefix, days in var.expire_prefixes : try(can(regex("^[a-z0-9_-]+/$", prefix)) && days >= 1 && floor(days) == days, false)])
    error_message = "expire_prefixes have prefixes such as previews/, each with a whole number of days, at least 1."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects; null for keys that S3 manages (SSE-S3)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a KMS key (arn:aws:kms:...), or null."
  }
}

variable "policy_statements" {
  description = "Additional IAM statements (objects as in a policy document) of the bucket's policy, which always requires TLS."
  type = list(object({
    Sid       = string
    Effect    = string
    Principal = optional(map(list(string)), { AWS = ["*"] })
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for statement in var.policy_statements : contains(["Allow", "Deny"], statement.Effect)])
    error_message = "policy_statements have an Effect of Allow or Deny."
  }

  validation {
    condition     = alltrue([for statement in var.policy_statements : statement.Effect == "Deny" || !contains(keys(statement.Principal), "AWS")])
    error_message = "policy_statements that allow name a service as their Principal: accounts and roles are allowed by their own policies."
  }
}

variable "access_log_bucket" {
  description = "Name of the bucket that receives server access logs under s3/<name>/; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.access_log_bucket))
    error_message = "access_log_bucket is the name of a bucket (3 to 63 lower-case letters, digits and hyphens), or null."
  }
}

variable "allow_destroy" {
  description = "Whether destroying the bucket also deletes its objects in all versions."
  type        = bool
  default     = false
  nullable    = false
}
