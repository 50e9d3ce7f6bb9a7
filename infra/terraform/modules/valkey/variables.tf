variable "name" {
  description = "Name of the cache."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "name has 2 to 40 lower-case letters, digits and single hyphens, begins with a letter and does not end with a hyphen."
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

variable "subnet_ids" {
  description = "Ids of the cache's subnets, one per zone."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2
    error_message = "subnet_ids are at least two subnets, in different zones."
  }
}

variable "client_security_group_id" {
  description = "Id of the only security group that may reach the cache."
  type        = string
}
