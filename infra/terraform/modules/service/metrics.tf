locals {
  metrics_port = 9090

  # Only the collector reaches it: on the bridge the port is not published on the host, on Fargate the two share a loopback.
  metrics_environment = var.metrics == null ? {} : { TODO_ADMIN_LISTEN = "${local.fargate ? "127.0.0.1" : ""}:${local.metrics_port}" }
  metrics_host        = local.fargate ? "127.0.0.1" : var.container

  # https://aws-otel.github.io/docs/getting-started/cloudwatch-metrics
  collector_config = var.metrics == null ? null : yamlencode({
    receivers = {
      prometheus = {
        config = {
          scrape_configs = [{
            job_name               = "api"
            scrape_interval        = "60s"
            static_configs         = [{ targets = ["${local.metrics_host}:${local.metrics_port}"], labels = { Service = var.family } }]
            metric_relabel_configs = [{ source_labels = ["__name__"], regex = join("|", [for name in var.metrics.names : "${name}(_bucket|_sum|_count)?"]), action = "keep" }]
          }]
        }
      }
    }
    # The exporter sends a histogram's totals since the process started, whose average hardly changes after a day.
    # The collector starts with the task, so that a first value is also a change.
    processors = { cumulativetodelta = { initial_value = "keep" } }
    exporters = {
      awsemf = {
        namespace               = var.family
        region                  = data.aws_region.current.region
        log_group_name          = aws_cloudwatch_log_group.this.name
        log_stream_name         = "metrics"
        dimension_rollup_option = "NoDimensionRollup"
        metric_declarations     = [{ dimensions = [["Service"]], metric_name_selectors = [for name in var.metrics.names : "^${name}$"] }]
      }
    }
    service = { pipelines = { metrics = { receivers = ["prometheus"], processors = ["cumulativetodelta"], exporters = ["awsemf"] } } }
  })

  collectors = var.metrics == null ? [] : [{
    name      = "collector"
    image     = var.metrics.image
    essential = false # the API works without it
    cpu       = local.collector_cpu
    memory    = var.metrics.memory

    links       = local.fargate ? [] : [var.container]
    dependsOn   = [{ containerName = var.container, condition = "START" }]
    environment = [{ name = "AOT_CONFIG_CONTENT", value = local.collector_config }]

    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = false, capabilities = { drop = ["ALL"], add = [] } }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = "collector"
        mode                  = "non-blocking"
      }
    }
  }]

  collector_cpu = 32

  # A metric is a line in the log, in CloudWatch's embedded metric format.
  collector_statements = var.metrics == null ? [] : [{
    Sid      = "WriteMetrics"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${local.account}:log-group:/${var.family}:log-stream:metrics"]
  }]
}
