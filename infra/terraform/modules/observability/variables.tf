variable "name" {
  description = "Prefix of the names of alarms, dashboard and metrics."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,50}$", var.name))
    error_message = "name begins with a lower-case letter and has at most 51 lower-case letters, digits and hyphens."
  }
}

variable "alarm_email" {
  description = "E-mail address for alarms."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.alarm_email))
    error_message = "alarm_email is an e-mail address such as ops@example.com."
  }
}

variable "cluster" {
  description = "Name of the cluster."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.cluster))
    error_message = "cluster is the cluster's name, not its ARN."
  }
}

variable "cluster_arn" {
  description = "ARN of the cluster."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:cluster/", var.cluster_arn))
    error_message = "cluster_arn is the ARN of an ECS cluster (arn:aws:ecs:...:cluster/name)."
  }
}

variable "service" {
  description = "Name of the service."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.service))
    error_message = "service is the service's name, not its ARN."
  }
}

variable "autoscaling_group" {
  description = "Name of the group of instances; null on Fargate."
  type        = string
  default     = null

  validation {
    condition     = var.autoscaling_group == null || can(regex("^[!-9;-~]{1,255}$", var.autoscaling_group))
    error_message = "autoscaling_group is the group's name, not its ARN, or null."
  }
}

variable "fargate" {
  description = "Whether tasks run on Fargate, where their size limits CPU and memory."
  type        = bool
  default     = false
  nullable    = false
}

variable "load_balancer" {
  description = "The load balancer's dimension in CloudWatch's metrics (the end of its ARN)."
  type        = string

  validation {
    condition     = can(regex("^app/.+/.+$", var.load_balancer))
    error_message = "load_balancer is the end of the load balancer's ARN: app/name/id."
  }
}

variable "target_group" {
  description = "The target group's dimension in CloudWatch's metrics (the end of its ARN)."
  type        = string

  validation {
    condition     = can(regex("^targetgroup/.+/.+$", var.target_group))
    error_message = "target_group is the end of the target group's ARN: targetgroup/name/id."
  }
}

variable "log_group" {
  description = "Name of the API's log group."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.log_group))
    error_message = "log_group has 1 to 512 letters, digits and _ / . # -."
  }
}

variable "collected" {
  description = "Namespace of the metrics that the service module's collector sends; null without a collector, when overtaken writes are counted in the log."
  type        = string
  default     = null

  validation {
    condition     = var.collected == null || can(regex("^[a-z][a-z0-9-]{0,254}$", var.collected))
    error_message = "collected is the family of the service whose metrics are collected, or null."
  }
}

variable "store_seconds" {
  description = "Maximum duration of calls to the store in seconds, on average over five minutes."
  type        = number
  default     = 0.5
  nullable    = false

  validation {
    condition     = var.store_seconds > 0
    error_message = "store_seconds is a number of seconds above 0."
  }
}

variable "server_errors" {
  description = "Responses with 5xx per minute, above which three consecutive minutes raise an alarm."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.server_errors >= 0
    error_message = "server_errors is a number of answers a minute, 0 or more."
  }
}

variable "latency_seconds" {
  description = "Maximum 99th percentile of request durations, in seconds."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.latency_seconds > 0
    error_message = "latency_seconds is a number of seconds above 0."
  }
}

variable "restarts" {
  description = "Number of failed tasks within fifteen minutes that raises an alarm."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.restarts >= 1 && floor(var.restarts) == var.restarts
    error_message = "restarts is a whole number, at least 1."
  }
}

variable "conflicts" {
  description = "Overtaken writes within five minutes, above which three consecutive periods raise an alarm."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.conflicts >= 0
    error_message = "conflicts is a number of overtaken writes in five minutes, 0 or more."
  }
}

variable "log_retention_days" {
  description = "Days for which the log of stopped tasks is kept: a value that CloudWatch Logs accepts."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}
