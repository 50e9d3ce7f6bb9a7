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

variable "existing_zone_id" {
  description = "Id of a hosted zone that already answers for the domain; null makes one, with a delegation set."
  type        = string
  default     = null
}

variable "ssh_key_generation" {
  description = "Raise it to make a new SSH key pair and roll the instances onto it."
  type        = number
  default     = 1
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
}
