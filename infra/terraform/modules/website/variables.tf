variable "name" {
  description = "Name of the distribution's resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,50}$", var.name))
    error_message = "name begins with a lower-case letter and has at most 51 lower-case letters, digits and hyphens."
  }
}

variable "domain" {
  description = "The site's host name."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.domain))
    error_message = "domain is a host name such as todo.example.com."
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
  description = "ARN of the domain's certificate, in us-east-1, as CloudFront requires."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:us-east-1:", var.certificate_arn))
    error_message = "certificate_arn is a certificate in us-east-1 (arn:aws:acm:us-east-1:...)."
  }
}

variable "bucket" {
  description = "Name of the page's bucket; unique in all of AWS, so end it with the account id."
  type        = string
}

variable "api_origin" {
  description = "How the API is reached: the output origin of the module load_balancer."
  type = object({
    domain_name   = string
    vpc_origin_id = optional(string)
    paths         = list(string)
  })
  nullable = false

  validation {
    condition     = length(var.api_origin.paths) > 0 && alltrue([for path in var.api_origin.paths : startswith(path, "/")])
    error_message = "api_origin.paths are one or more patterns that begin with a slash."
  }
}

variable "api_origin_headers" {
  description = "Headers that the distribution sends to the API with each request. Separate from api_origin, so that plans hide only these."
  type        = map(string)
  default     = {}
  nullable    = false
  sensitive   = true

  validation {
    condition     = alltrue([for name in keys(var.api_origin_headers) : can(regex("^X-[A-Za-z-]+$", name))])
    error_message = "api_origin_headers have names such as X-Origin-Secret."
  }
}

variable "overwrite_records" {
  description = "Whether existing alias records of the domain are overwritten; without it they stop the apply."
  type        = bool
  default     = false
  nullable    = false
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

variable "connect_origins" {
  description = "Additional origins that the page may connect to: those of the sign-in's issuer."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.connect_origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "connect_origins are origins such as https://id.example.com, without a path."
  }
}

variable "hsts_include_subdomains" {
  description = "Whether browsers refuse plain HTTP for two years also on every name below the domain. It cannot be revoked: set it only if all of them serve HTTPS."
  type        = bool
  default     = false
  nullable    = false
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

variable "access_log_bucket" {
  description = "Name of the bucket that receives access logs, the distribution's under cloudfront/; null for none."
  type        = string
  default     = null
}

variable "allow_destroy" {
  description = "Whether destroying also deletes the page's files."
  type        = bool
  default     = false
  nullable    = false
}
