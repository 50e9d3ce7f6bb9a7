variable "cidr" {
  description = "IPv4 range of the VPC; see the network module."
  type        = string
  default     = null
}

variable "zones" {
  description = "The two availability zones; null takes the first two that the region offers."
  type        = list(string)
  default     = null
}

variable "egress" {
  description = "How instances reach AWS's services: single_nat, nat_per_zone or public_addresses; docs/costs.md has the prices."
  type        = string
  default     = null
}

variable "domain" {
  description = "Domain of this account's zone where that is not the project's: below it, for an environment in an account of its own; null for the project's."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.domain))
    error_message = "domain is a host name such as staging.todo.example.com, or null."
  }
}

variable "delegations" {
  description = "Zones of other accounts below this one's: their domains, each with its four name servers."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for domain, servers in var.delegations : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", domain)) && try(length(servers) >= 2, false) && alltrue([for server in coalescelist(servers, [""]) : can(regex("^[a-z0-9.-]+$", server))])])
    error_message = "delegations are domains such as staging.todo.example.com, each with the name servers that terraform output name_servers prints in its account."
  }
}

variable "existing_zone_id" {
  description = "Id of a hosted zone that already answers for the domain; null makes one, with a delegation set."
  type        = string
  default     = null
}

variable "ssh_key_generation" {
  description = "Raise it to make a new SSH key pair and roll the instances onto it."
  type        = number
  default     = 1
  nullable    = false
}

variable "keydeposit" {
  description = "Shell command that runs tools/keydeposit. null runs the one of the repository, which needs ssh-keygen and the AWS CLI."
  type        = string
  default     = null
}

variable "allow_destroy" {
  description = "Whether what all environments share may be destroyed with all that is in it: images, keys, logs. Apply with true once, then destroy."
  type        = bool
  default     = false
  nullable    = false
}
