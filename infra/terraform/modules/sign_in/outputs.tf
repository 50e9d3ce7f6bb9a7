output "environment" {
  description = "The API's settings that say whose tokens requests need; {} if none."
  value = merge(
    { for setting, value in {
      TODO_OIDC_ISSUER    = var.issuer
      TODO_OIDC_AUDIENCE  = var.audience
      TODO_OIDC_CLIENT_ID = var.client_id
    } : setting => value if value != null },
    var.user_pool,
    length(var.allow) == 0 ? {} : { TODO_OIDC_ALLOW = join(",", var.allow) },
  )
}
