variable "number" {
  description = "Number of the pull request: its host name, prefix and place among the load balancer's rules."
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
  description = "The day, in UTC, at whose beginning the preview's tasks are stopped."
  type        = string

  validation {
    condition     = can(formatdate("YYYY-MM-DD", "${var.until}T00:00:00Z"))
    error_message = "until is a day such as 2027-01-31."
  }
}

variable "environment" {
  description = "The environment that the preview runs beside; its previews are enabled."
  type        = string
  default     = "staging"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment is the name of an environment, such as staging."
  }
}
