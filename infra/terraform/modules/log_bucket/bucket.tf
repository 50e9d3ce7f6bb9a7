data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

locals {
  arn     = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
  account = data.aws_caller_identity.current.account_id

  from_this_account = { StringEquals = { "aws:SourceAccount" = [local.account] } }
}

module "bucket" {
  source = "../bucket"

  name          = var.name
  versioned     = false
  expire_days   = var.retention_days
  allow_destroy = var.allow_destroy

  policy_statements = [
    {
      Sid       = "LoadBalancerLogs"
      Effect    = "Allow"
      Principal = { Service = ["logdelivery.elasticloadbalancing.amazonaws.com"] }
      Action    = ["s3:PutObject"]
      Resource  = ["${local.arn}/alb/AWSLogs/${local.account}/*"]
    },
    {
      Sid       = "BucketAccessLogs"
      Effect    = "Allow"
      Principal = { Service = ["logging.s3.amazonaws.com"] }
      Action    = ["s3:PutObject"]
      Resource  = ["${local.arn}/s3/*"]
      Condition = local.from_this_account
    },
    {
      Sid       = "DeliveredLogs"
      Effect    = "Allow"
      Principal = { Service = ["delivery.logs.amazonaws.com"] }
      Action    = ["s3:PutObject"]
      Resource  = ["${local.arn}/cloudfront/*", "${local.arn}/vpc/*"]
      Condition = { StringEquals = { "aws:SourceAccount" = [local.account], "s3:x-amz-acl" = ["bucket-owner-full-control"] } }
    },
    {
      Sid       = "DeliveredLogsCheck"
      Effect    = "Allow"
      Principal = { Service = ["delivery.logs.amazonaws.com"] }
      Action    = ["s3:GetBucketAcl", "s3:ListBucket"]
      Resource  = [local.arn]
      Condition = local.from_this_account
    },
  ]
}
