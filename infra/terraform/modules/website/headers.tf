locals {
  # The page has no inline script or style and talks to its own origin only; todomvc-app-css draws with data: images.
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
  #checkov:skip=CKV_AWS_259: preloading binds the whole parent domain for ever; that is its owner's decision

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

    # A private list's name is in the address: it must not travel to other sites.
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

# The API's own headers win where it has some: its documentation page has another content policy than ours.
resource "aws_cloudfront_response_headers_policy" "api" {
  #checkov:skip=CKV_AWS_259: preloading binds the whole parent domain for ever; that is its owner's decision

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
