mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name          = "todo-staging"
  domain_prefix = "todo-staging-123456789012"
  addresses     = ["https://staging.todo.example.com/"]
}

run "page_signs_in_by_code_without_a_secret" {
  assert {
    condition     = !aws_cognito_user_pool_client.page.generate_secret && aws_cognito_user_pool_client.page.allowed_oauth_flows == toset(["code"]) && aws_cognito_user_pool_client.page.callback_urls == toset(["https://staging.todo.example.com/"])
    error_message = "want the code flow of a public client, back to the page"
  }

  assert {
    condition     = output.environment.TODO_OIDC_AUDIENCE == output.environment.TODO_OIDC_CLIENT_ID && startswith(output.environment.TODO_OIDC_ISSUER, "https://") && !strcontains(output.environment.TODO_OIDC_SCOPE, "offline_access")
    error_message = "got ${jsonencode(output.environment)}"
  }

  assert {
    condition     = aws_cognito_user_pool.this.admin_create_user_config[0].allow_admin_create_user_only && aws_cognito_user_pool.this.deletion_protection == "ACTIVE"
    error_message = "strangers make no account, and nobody deletes the pool by accident"
  }

  assert {
    condition     = output.origins == ["https://cognito-idp.eu-west-1.amazonaws.com", "https://todo-staging-123456789012.auth.eu-west-1.amazoncognito.com"]
    error_message = "got ${jsonencode(output.origins)}"
  }
}
