# The API's log has one JSON object a line; a line with the number field "conflicts" says how many times a write was
# overtaken by another server before it landed. Some are the price of sharing a list, a stream of them is not.
resource "aws_cloudwatch_log_metric_filter" "write_conflicts" {
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
