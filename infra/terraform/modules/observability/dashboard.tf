locals {
  region = data.aws_region.current.region

  balancer_dimensions = ["LoadBalancer", var.load_balancer]
  target_dimensions   = ["LoadBalancer", var.load_balancer, "TargetGroup", var.target_group]
  service_dimensions  = ["ClusterName", var.cluster, "ServiceName", var.service]

  collected_graphs = var.collected == null ? [] : [
    for title, graph in {
      "Time that the store takes, s"         = { stat = "Average", names = ["store_call_duration_seconds"] }
      "Store: failed calls, reads of copies" = { stat = "Sum", names = ["store_failures_total", "ledger_stale_reads_total", "ledger_refused_total"] }
      "Open event streams, waiting writes"   = { stat = "Sum", names = ["event_streams", "ledger_waiting"] }
    } : { title = title, stat = graph.stat, metrics = [for name in graph.names : [var.collected, "todo_${name}", "Service", var.collected]] }
  ]

  graphs = concat([
    {
      title = "Requests and answers by class, a minute", stat = "Sum"
      metrics = [
        for metric in ["RequestCount", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"] :
        concat(["AWS/ApplicationELB", metric], local.balancer_dimensions)
      ]
    },
    {
      title = "Time to answer, s", stat = "p99"
      metrics = [
        concat(["AWS/ApplicationELB", "TargetResponseTime"], local.balancer_dimensions, [{ stat = "p50", label = "half" }]),
        concat(["AWS/ApplicationELB", "TargetResponseTime"], local.balancer_dimensions, [{ stat = "p99", label = "slowest hundredth" }]),
      ]
    },
    {
      title = "Tasks by health", stat = "Maximum"
      metrics = [
        concat(["AWS/ApplicationELB", "HealthyHostCount"], local.target_dimensions, [{ stat = "Minimum" }]),
        concat(["AWS/ApplicationELB", "UnHealthyHostCount"], local.target_dimensions),
      ]
    },
    {
      title = "CPU and memory, % of what is reserved", stat = "Average"
      metrics = [
        concat(["AWS/ECS", "CPUUtilization"], local.service_dimensions),
        concat(["AWS/ECS", "MemoryUtilization"], local.service_dimensions),
      ]
    },
    {
      title   = "Writes overtaken, tasks stopped by fault", stat = "Sum"
      metrics = [concat([local.conflicts.namespace, local.conflicts.metric], flatten([for key, value in local.conflicts.dimensions : [key, value]])), [local.namespace, "StoppedTasks"]]
    },
    {
      title   = "Open connections (event streams among them)", stat = "Sum"
      metrics = [concat(["AWS/ApplicationELB", "ActiveConnectionCount"], local.balancer_dimensions)]
    },
  ], local.collected_graphs)
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [for index, graph in local.graphs : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = graph.title
          region  = local.region
          stat    = graph.stat
          period  = 60
          metrics = graph.metrics
        }
      }],
      [{
        type   = "log"
        x      = 0
        y      = 6 * ceil(length(local.graphs) / 2)
        width  = 24
        height = 6
        properties = {
          title  = "Errors in the API's log"
          region = local.region
          query  = "SOURCE '${var.log_group}' | fields @timestamp, msg, error, list, request_id | filter level = 'ERROR' | sort @timestamp desc | limit 50"
        }
      }],
    )
  })
}
