locals {
  # The page has no inline scripts or styles and connects only to its own origin; todomvc-app-css uses data: images.
  content_security_policy = join("; ", [
    "default-src 'self'",
    join(" ", concat(["connect-src 'self'"], var.connect_origins)),
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ])

  two_years = 63072000
}

resource "aws_cloudfront_response_headers_policy" "page" {
  #checkov:skip=CKV_AWS_259: preloading binds the parent domain permanently, which its owner must decide

  name    = "${var.name}-page"
  comment = "What browsers are told about the page"

  security_headers_config {
    content_security_policy {
      content_security_policy = local.content_security_policy
      override                = true
    }

    strict_transport_security {
      access_control_max_age_sec = local.two_years
      include_subdomains         = var.hsts_include_subdomains
      override                   = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    # The address has the list's name, which other sites must not get.
    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }
  }

  custom_headers_config {
    items {
      header   = "Cross-Origin-Opener-Policy"
      value    = "same-origin"
      override = true
    }

    items {
      header   = "Permissions-Policy"
      value    = "camera=(), geolocation=(), microphone=(), payment=()"
      override = true
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

# The API's headers have precedence: its documentation page has another content policy.
resource "aws_cloudfront_response_headers_policy" "api" {
  #checkov:skip=CKV_AWS_259: preloading binds the parent domain permanently, which its owner must decide

  name    = "${var.name}-api"
  comment = "What browsers are told about the API's answers"

  security_headers_config {
    content_security_policy {
      content_security_policy = "default-src 'none'; frame-ancestors 'none'"
      override                = false
    }

    strict_transport_security {
      access_control_max_age_sec = local.two_years
      include_subdomains         = var.hsts_include_subdomains
      override                   = true
    }

    content_type_options {
      override = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = false
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
