variable "number" {
  description = "Number of the pull request, which is in its host name and prefix and is the priority of its listener rule."
  type        = number
  nullable    = false

  validation {
    condition     = var.number >= 1 && var.number < 50000 && floor(var.number) == var.number
    error_message = "number is a pull request's number, from 1 to 49999: a listener has no more places for rules."
  }
}

variable "image" {
  description = "Image of the pull request, by digest, with the page in it."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is an image by digest (name@sha256: and 64 hexadecimal digits), as tools/image push prints it."
  }
}

variable "until" {
  description = "Day on which the preview's tasks are stopped, at 00:00 UTC."
  type        = string

  validation {
    condition     = can(formatdate("YYYY-MM-DD", "${var.until}T00:00:00Z"))
    error_message = "until is a day such as 2027-01-31."
  }
}

variable "environment" {
  description = "Environment that the preview runs in, which must enable previews."
  type        = string
  default     = "staging"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment is the name of an environment, such as staging."
  }
}
