variable "project" {
  description = "The names of project.yaml."
  type = object({
    name        = string
    region      = string
    domain      = string
    alarm_email = string
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.project.name)) && !can(regex("^(aws|ecs|fargate)", var.project.name))
    error_message = "name in project.yaml has 2 to 12 lower-case letters and digits, begins with a letter, and not with aws, ecs or fargate: the names of load balancers and buckets are made from it."
  }

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.project.region))
    error_message = "region in project.yaml is an AWS region such as us-east-1."
  }

  validation {
    condition     = !can(regex("^(cn|us-gov|us-iso[a-z]?|eu-isoe|eusc)-", var.project.region))
    error_message = "region in project.yaml is in the partition aws: CloudFront's certificates are in us-east-1, which other partitions do not reach."
  }

  validation {
    condition     = try(length(var.project.domain) <= 64, false) && can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", var.project.domain))
    error_message = "domain in project.yaml is a host name such as todo.example.com: lower case, at least one dot, no scheme, no path, at most 64 characters."
  }

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.project.alarm_email))
    error_message = "alarm_email in project.yaml is an e-mail address such as ops@example.com."
  }
}

variable "name" {
  description = "Name of the environment; also of its directory and of the GitHub environment that deploys to it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.name)) && var.name != "shared"
    error_message = "name has 2 to 12 lower-case letters and digits, begins with a letter, and is not shared."
  }
}

variable "subdomain" {
  description = "Label before the project's domain in the environment's address; null for the domain itself."
  type        = string
  default     = null

  validation {
    condition     = var.subdomain == null || can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.subdomain)) && var.subdomain != "origin"
    error_message = "subdomain is one label of at most 32 lower-case letters, digits and hyphens, not origin (the load balancer's name), or null."
  }
}

variable "image" {
  description = "Image of the first task definition, by digest; null starts no task before the first deployment."
  type        = string
  default     = null
}

variable "api_origin" {
  description = "How CloudFront reaches the load balancer: vpc or public."
  type        = string
  default     = null
}

variable "instances" {
  description = "The instances; omitted attributes have the defaults of the module instances."
  type = object({
    types          = optional(list(string))
    min            = optional(number)
    max            = optional(number)
    on_demand_base = optional(number)
    spot_share     = optional(number)
    disk_gib       = optional(number)

    image_generation = optional(number)
    reserved_memory  = optional(number)
  })
  default  = {}
  nullable = false
}

variable "fargate" {
  description = "Whether tasks run on Fargate, without instances; tasks.cpu and tasks.memory_limit must then be a size of Fargate. The first on_demand_base tasks are on demand, and spot_share percent of the others are on spot."
  type = object({
    enabled          = optional(bool, false)
    on_demand_base   = optional(number, 0)
    spot_share       = optional(number, 0)
    cpu_architecture = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for number in [var.fargate.on_demand_base, var.fargate.spot_share] : number >= 0 && floor(number) == number]) && var.fargate.spot_share <= 100
    error_message = "fargate has an on_demand_base of 0 or more, and a spot_share that is a percentage: whole numbers."
  }
}

variable "tasks" {
  description = "The API's tasks; omitted attributes have the defaults of the modules service and load_balancer."
  type = object({
    count                = optional(number, 2)
    cpu                  = optional(number)
    memory_reservation   = optional(number)
    memory_limit         = optional(number)
    environment          = optional(map(string), {})
    secrets              = optional(map(string))
    placement            = optional(list(string))
    stop_timeout         = optional(number)
    deregistration_delay = optional(number)
    volumes = optional(list(object({
      name           = string
      container_path = string
      host_path      = optional(string)
      read_only      = optional(bool, false)
    })))
  })
  default  = {}
  nullable = false
}

variable "sign_in" {
  description = "Who may use lists: with user_pool, the users of a Cognito user pool; with issuer, the users of another OpenID Connect issuer, with the audience of its tokens, the page's client, and the origins of its endpoints that differ from its own. allow lists claims, one of which a user needs (groups=todo). {} lets everyone use them."
  type = object({
    user_pool = optional(bool, false)
    issuer    = optional(string)
    audience  = optional(string)
    client_id = optional(string)
    origins   = optional(list(string), [])
    allow     = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition = (var.sign_in.issuer == null ? var.sign_in.audience == null && var.sign_in.client_id == null :
    !var.sign_in.user_pool && can(regex("^https://[^\\s/?#]+(/[^\\s?#]*)?$", var.sign_in.issuer)) && can(regex("\\S", var.sign_in.audience)) && (var.sign_in.client_id == null || can(regex("\\S", var.sign_in.client_id))))
    error_message = "sign_in has either user_pool = true, or an issuer (https:// and a host, without ? and #) with its audience, and the page's client_id if it signs in; neither is blank."
  }

  validation {
    condition     = alltrue([for claim in var.sign_in.allow : can(regex("^[^=,]+=[^=,]+$", claim))]) && (length(var.sign_in.allow) == 0 || var.sign_in.user_pool || var.sign_in.issuer != null)
    error_message = "sign_in.allow are claims such as groups=todo or email=@example.com, of those who sign in."
  }
}

variable "list_history_days" {
  description = "Days for which an overwritten revision of a list can be restored from the bucket; null for no limit."
  type        = number
  default     = 90
}

variable "list_copy_region" {
  description = "Another region to which every version of every list is copied when it is written; null for no copy."
  type        = string
  default     = null

  validation {
    condition     = var.list_copy_region == null || var.list_copy_region != var.project.region
    error_message = "list_copy_region is another region than the project's: a copy in the same one is lost with it."
  }
}

variable "previews" {
  description = "Whether previews of pull requests run next to the environment, as <number>.preview.<its domain>, and the days after which their lists are deleted."
  type = object({
    enabled = optional(bool, false)
    days    = optional(number, 14)
  })
  default  = {}
  nullable = false

  validation {
    condition     = !var.previews.enabled || var.api_origin != "public"
    error_message = "previews need api_origin = \"vpc\": the secret header of a public load balancer is not handed on to them."
  }
}

variable "valkey" {
  description = "Whether servers send hints of changes through a Valkey cache, at the price in docs/costs.md; without it they poll."
  type        = bool
  default     = false
  nullable    = false
}

variable "waf" {
  description = "The web application firewall, which has a monthly price, and how many requests one address may send in five minutes."
  type = object({
    enabled    = optional(bool, false)
    rate_limit = optional(number)
  })
  default  = {}
  nullable = false
}

variable "overwrite_records" {
  description = "Whether existing alias records of the domain are overwritten; without it they stop the apply."
  type        = bool
  default     = false
  nullable    = false
}

variable "price_class" {
  description = "CloudFront edges that serve the site: PriceClass_100, PriceClass_200 or PriceClass_All."
  type        = string
  default     = null
}

variable "hsts_include_subdomains" {
  description = "Whether browsers refuse plain HTTP for two years also on every name below the environment's domain. It cannot be revoked: set it only if all of them serve HTTPS."
  type        = bool
  default     = false
  nullable    = false
}

variable "logs" {
  description = "Days for which logs are kept, and the detail of Container Insights (enabled, enhanced, disabled)."
  type = object({
    retention_days     = optional(number)
    access_log_days    = optional(number)
    container_insights = optional(string, "enabled")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["enabled", "enhanced", "disabled"], var.logs.container_insights)
    error_message = "container_insights is enabled, enhanced or disabled."
  }
}

variable "metrics" {
  description = "Whether a collector in each task sends the API's metrics to CloudWatch, at the price in docs/costs.md, and its image (null for the default of the module service)."
  type = object({
    enabled = optional(bool, false)
    image   = optional(string)
  })
  default  = {}
  nullable = false
}

variable "alarms" {
  description = "Thresholds of alarms; omitted attributes have the defaults of the module observability."
  type = object({
    server_errors   = optional(number)
    latency_seconds = optional(number)
    restarts        = optional(number)
    conflicts       = optional(number)
    store_seconds   = optional(number)
  })
  default  = {}
  nullable = false
}

variable "allow_destroy" {
  description = "Whether terraform destroy may delete the environment with its lists, page and logs. Apply it once before destroying."
  type        = bool
  default     = false
  nullable    = false
}
