variable "name" {
  description = "Name in the tags of the network's resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "name begins with a lower-case letter and has at most 31 lower-case letters, digits and hyphens."
  }
}

variable "cidr" {
  description = "IPv4 range of the VPC. It is divided into sixteen blocks; a load balancer's subnet needs at least a /27."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "cidr is an IPv4 range such as 10.0.0.0/16 with a prefix from /16 to /22: smaller leaves no room for the subnets, larger AWS refuses."
  }

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr begins at its network address: 10.0.0.0/16, not 10.0.0.5/16."
  }

  validation {
    condition     = var.cidr == null || !startswith(var.cidr, "172.17.")
    error_message = "cidr is not in 172.17.0.0/16, Docker's network on each instance: tasks would not reach the load balancer."
  }
}

variable "zones" {
  description = "The two availability zones; null for the first two of the region. Set them if one of those lacks an instance type."
  type        = list(string)
  default     = null

  validation {
    condition     = var.zones == null || try(length(distinct(var.zones)) == 2 && length(var.zones) == 2, false)
    error_message = "zones are exactly two different availability zones, such as [\"us-east-1a\", \"us-east-1b\"], or null."
  }
}

variable "egress" {
  description = "How instances reach AWS's services: single_nat (one gateway for both zones), nat_per_zone (one each, so that zones fail independently) or public_addresses (no gateway: instances have public addresses and accept no connections to them)."
  type        = string
  default     = "single_nat"
  nullable    = false

  validation {
    condition     = contains(["single_nat", "nat_per_zone", "public_addresses"], var.egress)
    error_message = "egress is single_nat, nat_per_zone or public_addresses."
  }
}

variable "flow_log_bucket_arn" {
  description = "ARN of the bucket that receives logs of refused connections under vpc/; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.flow_log_bucket_arn == null || can(regex("^arn:[a-z-]+:s3:::[a-z0-9-]+$", var.flow_log_bucket_arn))
    error_message = "flow_log_bucket_arn is the ARN of a bucket (arn:aws:s3:::name), or null."
  }
}
