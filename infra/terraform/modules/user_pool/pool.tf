data "aws_region" "current" {}

resource "aws_cognito_user_pool" "this" {
  name                     = var.name
  deletion_protection      = var.allow_destroy ? "INACTIVE" : "ACTIVE"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = "OPTIONAL"

  # Only administrators create accounts, unless open is set.
  admin_create_user_config {
    allow_admin_create_user_only = !var.open
  }

  password_policy {
    minimum_length                   = 12
    temporary_password_validity_days = 7
  }

  software_token_mfa_configuration {
    enabled = true
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }
}

# The page: a public client without a secret; PKCE binds the code to the browser that requested it.
resource "aws_cognito_user_pool_client" "page" {
  name         = "page"
  user_pool_id = aws_cognito_user_pool.this.id

  generate_secret                      = false
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = local.scopes
  supported_identity_providers         = ["COGNITO"]
  callback_urls                        = var.addresses
  logout_urls                          = var.addresses
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true

  access_token_validity  = 60
  id_token_validity      = 60
  refresh_token_validity = 30

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }
}

# The host name of the sign-in page, which is unique in the region.
resource "aws_cognito_user_pool_domain" "this" {
  domain       = var.domain_prefix
  user_pool_id = aws_cognito_user_pool.this.id
}

locals {
  # Cognito has no scope offline_access, and always issues refresh tokens.
  scopes = ["openid", "profile", "email"]
}
