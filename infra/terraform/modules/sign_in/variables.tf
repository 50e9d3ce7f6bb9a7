variable "issuer" {
  description = "Address of the OpenID Connect issuer; null for none, or for that of user_pool."
  type        = string
  default     = null
}

variable "audience" {
  description = "What the issuer's tokens for the API name as their audience."
  type        = string
  default     = null
}

variable "client_id" {
  description = "The client with which the page signs people in; null if it does not."
  type        = string
  default     = null
}

variable "user_pool" {
  description = "The settings that the user_pool module gives, instead of an issuer's."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "allow" {
  description = "Claims, such as groups=todo, of which a token needs one; none for every token of the issuer."
  type        = list(string)
  default     = []
  nullable    = false
}
