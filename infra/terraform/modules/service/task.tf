data "aws_region" "current" {}

locals {
  # Go's garbage collector keeps the heap below the limit at which the kernel kills the process.
  settings = merge({ GOMEMLIMIT = "${floor(var.memory_limit * 0.9)}MiB" }, local.metrics_environment, var.environment)
  # ECS refuses a name that is in both.
  environment = { for name, value in local.settings : name => value if !contains(keys(var.secrets), name) }

  # Sizes of Fargate: memory in MiB by CPU units.
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
  fargate_memory = {
    256   = [512, 1024, 2048]
    512   = range(1024, 4096 + 1, 1024)
    1024  = range(2048, 8192 + 1, 1024)
    2048  = range(4096, 16384 + 1, 1024)
    4096  = range(8192, 30720 + 1, 1024)
    8192  = range(16384, 61440 + 1, 4096)
    16384 = range(32768, 122880 + 1, 8192)
  }

  # A task on an instance gets the sum of its containers. One on Fargate has a size, which the collector shares.
  collector_shares = var.metrics == null ? { cpu = 0, memory = 0 } : { cpu = local.collector_cpu, memory = var.metrics.memory }
  needed_memory    = var.memory_limit + local.collector_shares.memory
  fargate_sizes    = [for size in lookup(local.fargate_memory, var.cpu, []) : size if size >= local.needed_memory]
  task_cpu         = local.fargate ? var.cpu : var.cpu + local.collector_shares.cpu
  task_memory      = local.fargate && length(local.fargate_sizes) > 0 ? tostring(min(local.fargate_sizes...)) : null

  # Without an image the service has no tasks until the first deployment.
  image = coalesce(var.image, "${var.repository_url}:not-yet-deployed")
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.family
  network_mode             = local.fargate ? "awsvpc" : "bridge"
  requires_compatibilities = [local.fargate ? "FARGATE" : "EC2"]
  cpu                      = tostring(local.task_cpu)
  memory                   = local.task_memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  # Deployments register revisions of the same family, which must survive this one for rollbacks.
  skip_destroy = !var.allow_destroy

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode(concat([{
    name              = var.container
    image             = local.image
    essential         = true
    cpu               = local.task_cpu - local.collector_shares.cpu
    memory            = var.memory_limit
    memoryReservation = var.memory_reservation

    portMappings = [{ containerPort = var.container_port, hostPort = local.fargate ? var.container_port : 0, protocol = "tcp" }]
    secrets      = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    environment  = [for name, value in local.environment : { name = name, value = value }]
    mountPoints  = [for volume in var.volumes : { sourceVolume = volume.name, containerPath = volume.container_path, readOnly = volume.read_only }]

    user                   = var.user
    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = false, capabilities = { drop = ["ALL"], add = [] } }
    ulimits                = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]

    # After SIGTERM the API closes event streams, and then completes its requests.
    stopTimeout = var.stop_timeout

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = var.container
        # The API must not wait for the log service; lines may be lost instead.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }], local.collectors))

  dynamic "volume" {
    for_each = var.volumes

    content {
      name      = volume.value.name
      host_path = volume.value.host_path
    }
  }

  lifecycle {
    precondition {
      condition     = !local.fargate || length(local.fargate_sizes) > 0
      error_message = "Fargate has no task of ${var.cpu} CPU units and ${local.needed_memory} MiB (memory_limit and the collector's): cpu is 256 (up to 2048 MiB), 512 (4096), 1024 (8192), 2048 (16384), 4096 (30720), 8192 (61440) or 16384 (122880)."
    }
  }
}
