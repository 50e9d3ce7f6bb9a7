variable "name" {
  description = "Name of the distribution's resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,50}$", var.name))
    error_message = "name begins with a lower-case letter and has at most 51 lower-case letters, digits and hyphens."
  }
}

variable "domain" {
  description = "Wildcard of the previews' host names."
  type        = string

  validation {
    condition     = can(regex("^\\*\\.([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.domain))
    error_message = "domain is a wildcard such as *.preview.todo.example.com."
  }
}

variable "zone_id" {
  description = "Id of the domain's hosted zone."
  type        = string

  validation {
    condition     = can(regex("^Z[A-Z0-9]{1,31}$", var.zone_id))
    error_message = "zone_id is a Route 53 zone id such as Z0123456789ABCDEFGHIJ."
  }
}

variable "certificate_arn" {
  description = "ARN of the wildcard's certificate, in us-east-1, as CloudFront requires."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:us-east-1:", var.certificate_arn))
    error_message = "certificate_arn is a certificate in us-east-1 (arn:aws:acm:us-east-1:...)."
  }
}

variable "api_origin" {
  description = "How the load balancer is reached: the output origin of the module load_balancer."
  type = object({
    domain_name   = string
    vpc_origin_id = string
  })

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.api_origin.domain_name))
    error_message = "api_origin.domain_name is a host name such as origin.todo.example.com."
  }
}

variable "price_class" {
  description = "CloudFront edges that serve the site: PriceClass_100 (North America, Europe), PriceClass_200 (also Asia, the Middle East, Africa) or PriceClass_All."
  type        = string
  default     = "PriceClass_100"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class is PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "web_acl_arn" {
  description = "ARN of a web application firewall of scope CLOUDFRONT; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:[a-z-]+:wafv2:us-east-1:[0-9]+:global/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn is a WAFv2 web ACL of scope CLOUDFRONT (arn:aws:wafv2:us-east-1:...:global/webacl/...), or null."
  }
}
