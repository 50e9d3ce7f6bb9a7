output "environment" {
  description = "The API's settings of the issuer whose tokens it requires; {} if none."
  value = merge(
    { for setting, value in {
      TODO_OIDC_ISSUER    = var.sign_in.issuer
      TODO_OIDC_AUDIENCE  = var.sign_in.audience
      TODO_OIDC_CLIENT_ID = var.sign_in.client_id
    } : setting => value if value != null },
    var.sign_in.user_pool,
    length(var.sign_in.allow) == 0 ? {} : { TODO_OIDC_ALLOW = join(",", var.sign_in.allow) },
  )
}
