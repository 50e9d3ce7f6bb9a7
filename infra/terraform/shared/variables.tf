variable "cidr" {
  description = "IPv4 range of the VPC; see the network module."
  type        = string
  default     = null
}

variable "zones" {
  description = "The two availability zones; null for the first two of the region."
  type        = list(string)
  default     = null
}

variable "egress" {
  description = "How instances reach AWS's services: single_nat, nat_per_zone or public_addresses; docs/costs.md has the prices."
  type        = string
  default     = null
}

variable "domain" {
  description = "Domain of this account's zone, below the project's, if the account is for one environment; null for the project's domain."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.domain))
    error_message = "domain is a host name such as staging.todo.example.com, or null."
  }
}

variable "delegations" {
  description = "Domains below this zone's that other accounts serve, each with its four name servers."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for domain, servers in var.delegations : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", domain)) && try(length(servers) >= 2, false) && alltrue([for server in coalescelist(servers, [""]) : can(regex("^[a-z0-9.-]+$", server))])])
    error_message = "delegations are domains such as staging.todo.example.com, each with the name servers that terraform output name_servers prints in its account."
  }
}

variable "existing_zone_id" {
  description = "Id of an existing hosted zone of the domain; null creates one with a delegation set."
  type        = string
  default     = null
}

variable "ssh_key_generation" {
  description = "Increase it to create a new SSH key pair and replace the instances."
  type        = number
  default     = 1
  nullable    = false
}

variable "keydeposit" {
  description = "Shell command that runs tools/keydeposit. null runs the repository's, which needs ssh-keygen and the AWS CLI."
  type        = string
  default     = null
}

variable "allow_destroy" {
  description = "Whether the shared resources may be destroyed with their images, keys and logs. Apply with true once, then destroy."
  type        = bool
  default     = false
  nullable    = false
}
