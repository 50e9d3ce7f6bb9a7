data "aws_partition" "current" {}

# Noncurrent versions are kept for some days, so that an earlier page can be restored after its files were deleted.
module "bucket" {
  source = "../bucket"

  name              = var.bucket
  noncurrent_days   = 30
  access_log_bucket = var.access_log_bucket
  allow_destroy     = var.allow_destroy

  # Listing lets S3 answer 404 for a missing file; without it the answer is 403, which hides a faulty deployment. Nobody
  # can list through the distribution: / is index.html, and the origin is asked for keys alone.
  policy_statements = [{
    Sid       = "DistributionTellsMissing"
    Effect    = "Allow"
    Principal = { Service = ["cloudfront.amazonaws.com"] }
    Action    = ["s3:ListBucket"]
    Resource  = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"]
    Condition = { StringEquals = { "aws:SourceArn" = [aws_cloudfront_distribution.this.arn] } }
    }, {
    Sid       = "DistributionReads"
    Effect    = "Allow"
    Principal = { Service = ["cloudfront.amazonaws.com"] }
    Action    = ["s3:GetObject"]
    Resource  = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}/*"]
    Condition = { StringEquals = { "aws:SourceArn" = [aws_cloudfront_distribution.this.arn] } }
  }]
}
