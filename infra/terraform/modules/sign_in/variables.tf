variable "sign_in" {
  description = "An OpenID Connect issuer, with the audience of its tokens and the page's client, or the settings that the user_pool module gives; allow are claims of which a token needs one. The environment checks them."
  type = object({
    issuer    = optional(string)
    audience  = optional(string)
    client_id = optional(string)
    user_pool = optional(map(string), {})
    allow     = optional(list(string), [])
  })
}
