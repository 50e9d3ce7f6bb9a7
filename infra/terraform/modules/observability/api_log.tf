# The API's log has one JSON object a line; a line with the number field "conflicts" says how many times a write was
# overtaken by another server before it landed. Some are the price of sharing a list, a stream of them is not.
resource "aws_cloudwatch_log_metric_filter" "write_conflicts" {
  count = var.collected == null ? 1 : 0

  name           = "${var.name}-write-conflicts"
  log_group_name = var.log_group
  pattern        = "{ $.conflicts > 0 }"

  metric_transformation {
    namespace     = local.namespace
    name          = "WriteConflicts"
    value         = "$.conflicts"
    default_value = "0"
    unit          = "Count"
  }
}

# The load balancer looks at /livez, so that tasks outlive an outage of the store; this is what tells of the outage. The
# API logs each failed request as one line with its status.
resource "aws_cloudwatch_log_metric_filter" "unavailable" {
  name           = "${var.name}-unavailable"
  log_group_name = var.log_group
  pattern        = "{ $.level = \"WARN\" && $.status = 503 }"

  metric_transformation {
    namespace     = local.namespace
    name          = "Unavailable"
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }
}
