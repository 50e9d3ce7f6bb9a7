data "aws_partition" "current" {}

# Old versions stay for a while: the page of yesterday can be brought back even after its files were cleared away.
module "bucket" {
  source = "../bucket"

  name              = var.bucket
  noncurrent_days   = 30
  access_log_bucket = var.access_log_bucket
  allow_destroy     = var.allow_destroy

  policy_statements = [{
    Sid       = "DistributionReads"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "s3:GetObject"
    Resource  = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}/*"
    Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
  }]
}
