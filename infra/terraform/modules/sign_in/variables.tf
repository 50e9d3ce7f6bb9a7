variable "sign_in" {
  description = "An OpenID Connect issuer, with the audience of its tokens and the page's client, or the settings of the module user_pool; allow has claims, one of which a token needs. The environment validates them."
  type = object({
    issuer    = optional(string)
    audience  = optional(string)
    client_id = optional(string)
    user_pool = optional(map(string), {})
    allow     = optional(list(string), [])
  })
}
