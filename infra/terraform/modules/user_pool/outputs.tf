output "environment" {
  description = "The API's settings that let in whom the pool knows. Cognito's access tokens name the client as their audience."
  value = {
    TODO_OIDC_ISSUER    = local.issuer
    TODO_OIDC_AUDIENCE  = aws_cognito_user_pool_client.page.id
    TODO_OIDC_CLIENT_ID = aws_cognito_user_pool_client.page.id
    TODO_OIDC_SCOPE     = join(" ", local.scopes)
  }
}

output "origins" {
  description = "Where the page asks for tokens, for its Content-Security-Policy."
  # From the name: a policy that is made before its predecessor goes would make the domain first too, which AWS has once.
  value = ["https://cognito-idp.${data.aws_region.current.region}.amazonaws.com", "https://${var.domain_prefix}.auth.${data.aws_region.current.region}.amazoncognito.com"]
}

output "user_pool_id" {
  description = "Id of the pool, for aws cognito-idp admin-create-user."
  value       = aws_cognito_user_pool.this.id
}

locals {
  issuer = "https://${aws_cognito_user_pool.this.endpoint}"
}
