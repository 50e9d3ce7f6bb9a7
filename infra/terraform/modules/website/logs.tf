# CloudFront's logs are delivered from us-east-1 wherever the bucket is.
locals {
  logs = var.access_log_bucket == null ? {} : { this = "arn:${data.aws_partition.current.partition}:s3:::${var.access_log_bucket}" }
}

resource "aws_cloudwatch_log_delivery_source" "this" {
  for_each = local.logs

  region       = "us-east-1"
  name         = "${var.name}-cloudfront"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  for_each = local.logs

  region        = "us-east-1"
  name          = "${var.name}-cloudfront"
  output_format = "w3c"

  delivery_destination_configuration {
    destination_resource_arn = "${each.value}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "this" {
  for_each = local.logs

  region                   = "us-east-1"
  delivery_source_name     = aws_cloudwatch_log_delivery_source.this[each.key].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this[each.key].arn
}
