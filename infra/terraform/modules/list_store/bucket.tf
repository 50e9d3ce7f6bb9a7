data "aws_partition" "current" {}

locals {
  arn = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
}

module "bucket" {
  source = "../bucket"

  name              = var.name
  noncurrent_days   = var.noncurrent_days
  expire_prefixes   = var.expire_prefixes
  access_log_bucket = var.access_log_bucket
  allow_destroy     = var.allow_destroy

  # The bucket enforces the API's compare-and-swap for all writers, such as an operator's shell. A write is unconditional if
  # both keys are absent (conditions of one operator are joined by AND). Multipart uploads have the headers only at their
  # end, so they are refused too: no list is that large. CopyObject is also refused.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
  policy_statements = [{
    Sid       = "ConditionalWritesOnly"
    Effect    = "Deny"
    Action    = ["s3:PutObject"]
    Resource  = ["${local.arn}/*"]
    Condition = { Null = { "s3:if-match" = ["true"], "s3:if-none-match" = ["true"] } }
  }]
}

module "access" {
  source = "../list_access"

  bucket = module.bucket.name
  prefix = var.prefix
}
