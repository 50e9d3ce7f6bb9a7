variable "name" {
  description = "Name of the load balancer and its resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name))
    error_message = "name has 2 to 32 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-z]+$", var.vpc_id))
    error_message = "vpc_id is the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "private_subnet_ids" {
  description = "Ids of the subnets, one per zone, for a load balancer that only CloudFront's VPC origin reaches."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "private_subnet_ids are at least two subnets in different zones: a load balancer does not start in one."
  }
}

variable "public_subnet_ids" {
  description = "Ids of the subnets, one per zone, for a load balancer with public addresses."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.public_subnet_ids) >= 2
    error_message = "public_subnet_ids are at least two subnets in different zones: a load balancer does not start in one."
  }
}

variable "api_origin" {
  description = "How CloudFront reaches the load balancer: vpc (without public addresses) or public (with public addresses, only from CloudFront's and with a secret header)."
  type        = string
  default     = "vpc"
  nullable    = false

  validation {
    condition     = contains(["vpc", "public"], var.api_origin)
    error_message = "api_origin is vpc or public."
  }
}

variable "origin_domain" {
  description = "Host name of the load balancer for CloudFront; the certificate covers it."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.origin_domain))
    error_message = "origin_domain is a host name such as origin.todo.example.com."
  }
}

variable "zone_id" {
  description = "Id of the hosted zone of origin_domain."
  type        = string

  validation {
    condition     = can(regex("^Z[A-Z0-9]{1,31}$", var.zone_id))
    error_message = "zone_id is a Route 53 zone id such as Z0123456789ABCDEFGHIJ."
  }
}

variable "certificate_arn" {
  description = "ARN of the certificate, in this region, for origin_domain and the site's name."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:", var.certificate_arn))
    error_message = "certificate_arn is the ARN of an ACM certificate (arn:aws:acm:...)."
  }
}

variable "paths" {
  description = "Path patterns that are forwarded to the API; the response to others is 403."
  type        = list(string)
  default     = ["/api/*", "/livez", "/readyz"]
  nullable    = false

  validation {
    condition     = length(var.paths) >= 1 && length(var.paths) <= 3 && alltrue([for path in var.paths : can(regex("^/", path))])
    error_message = "paths are one to three patterns that begin with a slash (a listener rule holds five values, the secret header and room for one more among them)."
  }
}

variable "target_type" {
  description = "Target type of tasks: instance (a port of their instance) or ip (their own address, on Fargate)."
  type        = string
  default     = "instance"
  nullable    = false

  validation {
    condition     = contains(["instance", "ip"], var.target_type)
    error_message = "target_type is instance or ip."
  }
}

variable "health_check_path" {
  description = "Path of health checks, with status 200 if healthy. Not /readyz, which is 503 during an outage of the store: replacing tasks would lose the copies that still serve reads."
  type        = string
  default     = "/livez"
  nullable    = false

  validation {
    condition     = startswith(var.health_check_path, "/") && var.health_check_path != "/readyz"
    error_message = "health_check_path begins with a slash and is not /readyz: a task whose store does not answer must stay."
  }
}

variable "unhealthy_threshold" {
  description = "Failed checks, ten seconds apart, after which a task is replaced."
  type        = number
  default     = 6
  nullable    = false

  validation {
    condition     = var.unhealthy_threshold >= 2 && var.unhealthy_threshold <= 10 && floor(var.unhealthy_threshold) == var.unhealthy_threshold
    error_message = "unhealthy_threshold is a whole number from 2 to 10."
  }
}

variable "deregistration_delay" {
  description = "Seconds for which a deregistered task completes its requests. Ordinary requests end within 10 s; event streams last until the task gets SIGTERM, and then reconnect to another one."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deregistration_delay >= 15 && var.deregistration_delay <= 3600 && floor(var.deregistration_delay) == var.deregistration_delay
    error_message = "deregistration_delay is a whole number of seconds from 15 (the API's longest request and a margin) to 3600."
  }
}

variable "origin_secret_generation" {
  description = "Increase it to change the secret header of the public mode."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.origin_secret_generation >= 1 && floor(var.origin_secret_generation) == var.origin_secret_generation
    error_message = "origin_secret_generation is a whole number, at least 1."
  }
}

variable "access_log_bucket" {
  description = "Name of the bucket that receives access logs under alb/; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.access_log_bucket))
    error_message = "access_log_bucket is the name of a bucket (3 to 63 lower-case letters, digits and hyphens), or null."
  }
}

variable "overwrite_records" {
  description = "Whether existing records of origin_domain are overwritten; without it they stop the apply."
  type        = bool
  default     = false
  nullable    = false
}

variable "allow_destroy" {
  description = "Whether the load balancer may be destroyed."
  type        = bool
  default     = false
  nullable    = false
}
