data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  bucket_arn     = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"
  versioned_name = "${var.key_name}-v${var.generation}"
  private_object = "${local.versioned_name}.pem"
}

# A separate key, so that reading the private half requires two permissions: on the object and on the key.
resource "aws_kms_key" "this" {
  description             = "Encrypts the SSH keys in ${var.bucket}"
  enable_key_rotation     = true
  deletion_window_in_days = var.allow_destroy ? 7 : 30

  # The default policy, written out: IAM decides.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AccountDecides"
      Effect    = "Allow"
      Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.key_name}-ssh"
  target_key_id = aws_kms_key.this.key_id
}

module "bucket" {
  source = "../bucket"

  name              = var.bucket
  noncurrent_days   = null
  kms_key_arn       = aws_kms_key.this.arn
  access_log_bucket = var.access_log_bucket
  allow_destroy     = var.allow_destroy

  # Denies overwriting to everyone.
  policy_statements = [{
    Sid       = "NeverOverwrite"
    Effect    = "Deny"
    Action    = ["s3:PutObject"]
    Resource  = ["${local.bucket_arn}/*"]
    Condition = { Null = { "s3:if-none-match" = ["true"] } }
  }]
}
