variable "name" {
  description = "Name of the service in its cluster."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.name))
    error_message = "name begins with a lower-case letter and has at most 63 lower-case letters, digits and hyphens."
  }
}

variable "family" {
  description = "Family of the task definitions; also the prefix of the roles' names and the name of the log group."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,52}$", var.family))
    error_message = "family begins with a lower-case letter and has at most 53 lower-case letters, digits and hyphens (a role's name, at most 64, is made from it)."
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

variable "capacity_providers" {
  description = "Capacity providers that run the tasks: name, number of tasks before weights apply (base), and share of the other tasks (weight)."
  type = list(object({
    name   = string
    base   = optional(number)
    weight = optional(number, 1)
  }))
  nullable = false

  validation {
    condition     = length(var.capacity_providers) >= 1 && alltrue([for provider in var.capacity_providers : can(regex("^[A-Za-z0-9_-]{1,255}$", provider.name))])
    error_message = "capacity_providers are one or more, each with the name of a capacity provider."
  }

  validation {
    condition     = length([for provider in var.capacity_providers : provider if provider.base != null]) <= 1 && alltrue([for provider in var.capacity_providers : provider.weight >= 0 && provider.weight <= 1000]) && anytrue([for provider in var.capacity_providers : provider.weight > 0])
    error_message = "capacity_providers have weights from 0 to 1000, not all 0, and one base at most."
  }
}

variable "fargate" {
  description = "Network of tasks without instances: the VPC, subnets, the load balancer's security group, and whether tasks get public addresses, for subnets without NAT. null for tasks on instances."
  type = object({
    vpc_id                          = string
    subnet_ids                      = list(string)
    load_balancer_security_group_id = string
    public_addresses                = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.fargate == null || try(can(regex("^vpc-[0-9a-z]+$", var.fargate.vpc_id)) && length(distinct(var.fargate.subnet_ids)) >= 2, false)
    error_message = "fargate has a vpc_id such as vpc-0123456789abcdef0, and at least two subnet_ids: tasks are spread over zones."
  }
}

variable "target_group_arn" {
  description = "ARN of the target group that tasks register with."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:elasticloadbalancing:.+:targetgroup/", var.target_group_arn))
    error_message = "target_group_arn is the ARN of a target group (arn:aws:elasticloadbalancing:...:targetgroup/...)."
  }
}

variable "repository_url" {
  description = "Address of the image repository."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9][a-z0-9._/-]*$", var.repository_url))
    error_message = "repository_url is a registry and a repository, without a tag: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/todo-api."
  }
}

variable "repository_arn" {
  description = "ARN of the image repository."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/", var.repository_arn))
    error_message = "repository_arn is the ARN of an ECR repository (arn:aws:ecr:...:repository/name): the execution role may pull from it alone."
  }
}

variable "image" {
  description = "Image of the first revision, by digest; null starts no task before the first deployment. Later changes have no effect: deployments choose the image."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is an image by digest (name@sha256: and 64 hexadecimal digits), or null: a tag says what was meant, a digest what runs."
  }
}

variable "desired_count" {
  description = "Number of tasks."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.desired_count >= 1 && var.desired_count <= 100 && floor(var.desired_count) == var.desired_count
    error_message = "desired_count is a whole number from 1 to 100."
  }
}

variable "container" {
  description = "Name of the container."
  type        = string
  default     = "todo-api"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.container))
    error_message = "container has 1 to 255 letters, digits, _ and -."
  }
}

variable "container_port" {
  description = "Port that the container listens on; Docker chooses the instance's port."
  type        = number
  default     = 8080
  nullable    = false

  validation {
    condition     = var.container_port >= 1 && var.container_port <= 65535 && floor(var.container_port) == var.container_port
    error_message = "container_port is a port number, from 1 to 65535."
  }
}

variable "cpu" {
  description = "CPU units (1,024 are one virtual CPU) reserved for a task, which may use idle ones of its instance. On Fargate one of its sizes, from 256."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.cpu >= 128 && var.cpu <= 10240 && floor(var.cpu) == var.cpu
    error_message = "cpu is a whole number of CPU units from 128 to 10240."
  }
}

variable "cpu_architecture" {
  description = "Architecture of the tasks: X86_64 or ARM64. The image must support it."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture is X86_64 or ARM64."
  }
}

variable "memory_reservation" {
  description = "MiB reserved for a task. A t3.micro has about 900, which two tasks share during a deployment."
  type        = number
  default     = 192
  nullable    = false

  validation {
    condition     = var.memory_reservation >= 64 && floor(var.memory_reservation) == var.memory_reservation
    error_message = "memory_reservation is a whole number of MiB, at least 64."
  }
}

variable "memory_limit" {
  description = "MiB above which the kernel kills the process."
  type        = number
  default     = 384
  nullable    = false

  validation {
    condition     = var.memory_limit >= var.memory_reservation && floor(var.memory_limit) == var.memory_limit
    error_message = "memory_limit is a whole number of MiB, not below memory_reservation."
  }
}

variable "environment" {
  description = "Environment variables of the container. No secrets: the console shows them."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, value in var.environment : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name))])
    error_message = "environment's names begin with a letter or _ and go on with letters, digits and _."
  }
}

variable "secrets" {
  description = "Environment variables whose values ECS reads when a task starts: name, and the ARN of a SecureString parameter or of a Secrets Manager secret, encrypted with AWS's own key. They replace environment variables of the same name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, arn in var.secrets : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && can(regex("^arn:[a-z-]+:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/|secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)[^*]+$", arn))])
    error_message = "secrets are names of environment variables, each with the ARN of a parameter (arn:aws:ssm:...:parameter/...) or of a secret (arn:aws:secretsmanager:...:secret:...)."
  }
}

variable "volumes" {
  description = "Volumes of the task: name, path in the container, the host's directory (null for an anonymous one), and whether they are read-only."
  type = list(object({
    name           = string
    container_path = string
    host_path      = optional(string)
    read_only      = optional(bool, false)
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for volume in var.volumes : startswith(volume.container_path, "/") && (volume.host_path == null || try(startswith(volume.host_path, "/"), false))])
    error_message = "volumes have absolute paths."
  }

  validation {
    condition     = var.fargate == null || alltrue([for volume in var.volumes : volume.host_path == null])
    error_message = "volumes have no host_path on Fargate, where there is no host."
  }

  validation {
    condition     = length(distinct(var.volumes[*].name)) == length(var.volumes) && alltrue([for volume in var.volumes : can(regex("^[a-zA-Z0-9_-]{1,255}$", volume.name))])
    error_message = "volumes have different names of letters, digits, hyphens and underscores."
  }
}

variable "user" {
  description = "User and group of the process, by number."
  type        = string
  default     = "65532:65532"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(:[1-9][0-9]*)?$", var.user))
    error_message = "user is a number, or two with a colon, and not 0: the process is not root."
  }
}

variable "task_role_statements" {
  description = "IAM statements (objects as in a policy document) of the task role."
  type = list(object({
    Sid       = string
    Effect    = string
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
  nullable = false

  validation {
    condition     = length(var.task_role_statements) > 0 && alltrue([for statement in var.task_role_statements : statement.Effect == "Allow"])
    error_message = "task_role_statements are at least one object with Effect Allow."
  }

  validation {
    condition     = alltrue([for statement in var.task_role_statements : !contains(statement.Resource, "*") && alltrue([for action in statement.Action : !strcontains(action, "*")])])
    error_message = "task_role_statements name their actions and resources one by one: no * for either."
  }
}

variable "metrics" {
  description = "Names of the API's Prometheus metrics that a collector in the task sends to CloudWatch, with the family as namespace; the collector's image and its MiB. null for no collector."
  type = object({
    names  = list(string)
    image  = optional(string, "amazon/aws-otel-collector:v0.48.0")
    memory = optional(number, 96)
  })
  default = null

  validation {
    condition     = var.metrics == null || try(length(var.metrics.names) > 0 && alltrue([for name in var.metrics.names : can(regex("^[a-z][a-z0-9_]*$", name))]), false)
    error_message = "metrics.names are names of Prometheus metrics, such as todo_event_streams."
  }

  validation {
    condition     = var.metrics == null || try(can(regex("^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$", var.metrics.image)) && !endswith(var.metrics.image, ":latest"), false)
    error_message = "metrics.image is an image with a tag other than latest, or a digest."
  }

  validation {
    condition     = var.metrics == null || try(var.metrics.memory >= 64 && floor(var.metrics.memory) == var.metrics.memory, false)
    error_message = "metrics.memory is a whole number of MiB, at least 64."
  }
}

variable "placement" {
  description = "Placement strategies on instances, in the order they are applied: spread_zone, spread_instance, binpack_cpu, binpack_memory, random. null for spread_zone, then spread_instance."
  type        = list(string)
  default     = null

  validation {
    condition     = var.placement == null || var.fargate == null
    error_message = "placement is null on Fargate, which spreads tasks over zones by itself."
  }

  validation {
    condition     = var.placement == null || try(length(var.placement) >= 1 && length(var.placement) <= 5 && length(distinct(var.placement)) == length(var.placement), false)
    error_message = "placement has one to five different strategies."
  }

  validation {
    condition     = var.placement == null || try(alltrue([for name in var.placement : contains(["random", "spread_zone", "spread_instance", "binpack_cpu", "binpack_memory"], name)]), false)
    error_message = "placement's strategies are spread_zone, spread_instance, binpack_cpu, binpack_memory and random."
  }
}

variable "permissions_boundary" {
  description = "ARN of the two roles' permissions boundary; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary is the ARN of an IAM policy, or null."
  }
}

variable "deployment_alarms" {
  description = "Names of alarms that roll a deployment back."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.deployment_alarms : can(regex("^.{1,255}$", name))])
    error_message = "deployment_alarms are names of alarms, 1 to 255 characters each."
  }
}

variable "stop_timeout" {
  description = "Seconds between SIGTERM and SIGKILL."
  type        = number
  default     = 40
  nullable    = false

  validation {
    condition     = var.stop_timeout >= 20 && var.stop_timeout <= 120 && floor(var.stop_timeout) == var.stop_timeout
    error_message = "stop_timeout is a whole number of seconds from 20 (the API's own shutdown and a margin) to 120."
  }
}

variable "log_retention_days" {
  description = "Days for which the log is kept: a value that CloudWatch Logs accepts."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "allow_destroy" {
  description = "Whether destroying also deregisters the first task definition."
  type        = bool
  default     = false
  nullable    = false
}
