data "aws_region" "current" {}

locals {
  # Go's collector holds the heap below the limit before the kernel ends the process.
  environment = merge({ GOMEMLIMIT = "${floor(var.memory_limit * 0.9)}MiB" }, var.environment)

  # With no image yet the service has no tasks, and the first deployment brings both.
  image = coalesce(var.image, "${var.repository_url}:not-yet-deployed")
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.family
  network_mode             = "bridge"
  requires_compatibilities = ["EC2"]
  cpu                      = tostring(var.cpu)
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  # Deployments register revisions of the same family; the ones they may go back to must not go with ours.
  skip_destroy = !var.allow_destroy

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  container_definitions = jsonencode([{
    name              = var.container
    image             = local.image
    essential         = true
    cpu               = var.cpu
    memory            = var.memory_limit
    memoryReservation = var.memory_reservation

    portMappings = [{ containerPort = var.container_port, hostPort = 0, protocol = "tcp" }]
    environment  = [for name, value in local.environment : { name = name, value = value }]
    mountPoints  = [for volume in var.volumes : { sourceVolume = volume.name, containerPath = volume.container_path, readOnly = volume.read_only }]

    user                   = var.user
    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = false, capabilities = { drop = ["ALL"], add = [] } }
    ulimits                = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]

    # After SIGTERM the API closes event streams, then ends the requests it has.
    stopTimeout = var.stop_timeout

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = var.container
        # The API would rather lose a line than wait for the log service.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }])

  dynamic "volume" {
    for_each = var.volumes

    content {
      name      = volume.value.name
      host_path = volume.value.host_path
    }
  }
}
