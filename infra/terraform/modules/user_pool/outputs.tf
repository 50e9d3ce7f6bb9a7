output "environment" {
  description = "The API's settings that accept the pool's users. The audience of Cognito's access tokens is the client."
  value = {
    TODO_OIDC_ISSUER    = local.issuer
    TODO_OIDC_AUDIENCE  = aws_cognito_user_pool_client.page.id
    TODO_OIDC_CLIENT_ID = aws_cognito_user_pool_client.page.id
    TODO_OIDC_SCOPE     = join(" ", local.scopes)
  }
}

output "origins" {
  description = "Origin of the token endpoint, for the page's Content-Security-Policy."
  # From the name: a policy with create_before_destroy would also create the domain before its predecessor is destroyed,
  # which fails because the name is unique.
  value = ["https://cognito-idp.${data.aws_region.current.region}.amazonaws.com", "https://${var.domain_prefix}.auth.${data.aws_region.current.region}.amazoncognito.com"]
}

output "user_pool_id" {
  description = "Id of the pool, for aws cognito-idp admin-create-user."
  value       = aws_cognito_user_pool.this.id
}

locals {
  issuer = "https://${aws_cognito_user_pool.this.endpoint}"
}
