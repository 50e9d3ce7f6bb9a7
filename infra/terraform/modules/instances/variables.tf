variable "name" {
  description = "Name of the instances and their resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,50}$", var.name)) && !can(regex("^(aws|ecs|fargate)", var.name))
    error_message = "name has 2 to 51 lower-case letters, digits and hyphens, begins with a letter, and not with aws, ecs or fargate (AWS keeps those)."
  }
}

variable "cluster" {
  description = "Name of the ECS cluster that the instances join."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.cluster))
    error_message = "cluster is the cluster's name, not its ARN."
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
  description = "Ids of the instances' subnets, one per zone."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2
    error_message = "subnet_ids are at least two subnets: tasks are spread over zones."
  }
}

variable "public_addresses" {
  description = "Whether instances get a public address, for subnets without NAT. They accept no connections to it."
  type        = bool
  default     = false
  nullable    = false
}

variable "load_balancer_security_group_id" {
  description = "Id of the only security group that may reach the tasks."
  type        = string
}

variable "instance_types" {
  description = "Instance types in the order of preference; with several, spot capacity is easier to find."
  type        = list(string)
  default     = ["t3.micro"]
  nullable    = false

  validation {
    condition     = length(var.instance_types) >= 1 && length(var.instance_types) <= 40 && alltrue([for type in var.instance_types : can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", type))])
    error_message = "instance_types are 1 to 40 names such as t3.micro."
  }

  validation {
    condition     = length(distinct([for type in var.instance_types : can(regex("^(a1|[a-z]+[0-9]g[a-z]*)\\.", type))])) <= 1
    error_message = "instance_types are of one architecture, Graviton (such as t4g.micro) or x86 (such as t3.micro): one machine image serves them all."
  }
}

variable "min_instances" {
  description = "Minimum number of instances; with one, the site is down while it is replaced."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.min_instances >= 1 && floor(var.min_instances) == var.min_instances
    error_message = "min_instances is a whole number, at least 1."
  }
}

variable "max_instances" {
  description = "Maximum number of instances."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.max_instances >= var.min_instances && var.max_instances <= 100 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances is a whole number from min_instances to 100."
  }
}

variable "on_demand_base" {
  description = "Number of on-demand instances to which the spot share does not apply."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.on_demand_base >= 0 && floor(var.on_demand_base) == var.on_demand_base
    error_message = "on_demand_base is a whole number, 0 or more."
  }
}

variable "spot_share" {
  description = "Percentage of spot instances among those above on_demand_base."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.spot_share >= 0 && var.spot_share <= 100 && floor(var.spot_share) == var.spot_share
    error_message = "spot_share is a percentage, a whole number from 0 to 100."
  }
}

variable "disk_gib" {
  description = "Size of an instance's disk in GiB. The machine image needs 30."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.disk_gib >= 30 && var.disk_gib <= 16384 && floor(var.disk_gib) == var.disk_gib
    error_message = "disk_gib is a whole number from 30 (the size of the machine image) to 16384."
  }
}

variable "image_generation" {
  description = "Increase it to move the instances to the machine image that AWS now recommends."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.image_generation >= 1 && floor(var.image_generation) == var.image_generation
    error_message = "image_generation is a whole number, at least 1."
  }
}

variable "reserved_memory" {
  description = "MiB of an instance that are reserved for the system, Docker and the two agents."
  type        = number
  default     = 128
  nullable    = false

  validation {
    condition     = var.reserved_memory >= 0 && floor(var.reserved_memory) == var.reserved_memory
    error_message = "reserved_memory is a whole number of MiB, 0 or more."
  }
}

variable "key_name" {
  description = "Name of the EC2 key pair for SSH over Session Manager; null for none. Port 22 stays closed either way."
  type        = string
  default     = null

  validation {
    condition     = var.key_name == null || can(regex("^[!-~]([ -~]{0,253}[!-~])?$", var.key_name))
    error_message = "key_name is the name of an EC2 key pair, 1 to 255 characters, or null."
  }
}

variable "detailed_monitoring" {
  description = "Whether instances report metrics every minute instead of every five minutes, at a price."
  type        = bool
  default     = false
  nullable    = false
}

variable "agent_log_level" {
  description = "Log level of the ECS agent: crit, error, warn, info or debug."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["crit", "error", "warn", "info", "debug"], var.agent_log_level)
    error_message = "agent_log_level is crit, error, warn, info or debug."
  }
}

variable "allow_destroy" {
  description = "Whether the group may be destroyed with instances in it."
  type        = bool
  default     = false
  nullable    = false
}
