# The API's log has one JSON object per line; the number field "conflicts" counts how often another server overtook a
# write before it landed. Some conflicts are normal for shared lists, many are not.
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

# The load balancer checks /livez, so that tasks survive an outage of the store; this metric reports the outage. The
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
