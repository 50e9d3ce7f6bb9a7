variable "key_name" {
  description = "Name of the key pair in EC2; the generation is appended."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,60}$", var.key_name))
    error_message = "key_name begins with a lower-case letter and has at most 61 lower-case letters, digits and hyphens."
  }
}

variable "generation" {
  description = "Number of the pair in use. A higher number creates a new pair and replaces the instances; the old pair stays."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.generation >= 1 && floor(var.generation) == var.generation
    error_message = "generation is a whole number, at least 1."
  }
}

variable "bucket" {
  description = "Name of the pairs' bucket; unique in all of AWS, so end it with the account id."
  type        = string
}

variable "keydeposit" {
  description = "Shell command that runs tools/keydeposit. null runs the repository's, which needs ssh-keygen and the AWS CLI."
  type        = string
  default     = null

  validation {
    condition     = var.keydeposit == null || try(length(trimspace(var.keydeposit)) > 0 && !strcontains(var.keydeposit, "\n"), false)
    error_message = "keydeposit is a command on one line, such as /usr/local/bin/keydeposit, or null."
  }
}

variable "access_log_bucket" {
  description = "Name of the bucket that receives server access logs, which record reads of keys; null for none."
  type        = string
  default     = null
}

variable "allow_destroy" {
  description = "Whether destroying also deletes the keys in the bucket."
  type        = bool
  default     = false
  nullable    = false
}
