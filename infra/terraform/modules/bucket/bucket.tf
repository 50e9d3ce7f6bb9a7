data "aws_partition" "current" {}

locals {
  # From the name, not from the resource's arn, so that plans and tests show whole policies.
  arn = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"

  tls_only = {
    Sid       = "TLSOnly"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:*"
    Resource  = [local.arn, "${local.arn}/*"]
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144: versions and a second region are different promises; versioning is the one made here
  #checkov:skip=CKV2_AWS_62: nothing listens for events of these buckets
  #checkov:skip=CKV_AWS_21: logs are written once and expire; every other caller keeps versions

  region        = var.region
  bucket        = var.name
  force_destroy = var.allow_destroy
}

resource "aws_s3_bucket_public_access_block" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.bucket

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.bucket

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.bucket

  versioning_configuration {
    status = var.versioned ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300: the first rule does it for the whole bucket; checkov does not see it behind the dynamic ones

  # Rules on noncurrent versions are refused while versioning is off.
  depends_on = [aws_s3_bucket_versioning.this]

  region = var.region
  bucket = aws_s3_bucket.this.bucket

  rule {
    id     = "abandoned-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = var.versioned && var.noncurrent_days != null ? [var.noncurrent_days] : []

    content {
      id     = "noncurrent-versions"
      status = "Enabled"
      filter {}

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }

      # A marker whose versions have all expired only slows listings down.
      dynamic "expiration" {
        for_each = var.expire_days == null ? [true] : []

        content {
          expired_object_delete_marker = true
        }
      }
    }
  }

  dynamic "rule" {
    for_each = var.expire_days == null ? [] : [var.expire_days]

    content {
      id     = "expire"
      status = "Enabled"
      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.expire_prefixes

    content {
      id     = "expire-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  # S3 answers 409 to two changes of a bucket's access settings at once.
  depends_on = [aws_s3_bucket_public_access_block.this]

  region = var.region
  bucket = aws_s3_bucket.this.bucket
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.tls_only], [for statement in var.policy_statements : { for key, value in statement : key => value if value != null }])
  })
}

resource "aws_s3_bucket_logging" "this" {
  count = var.access_log_bucket == null ? 0 : 1

  region        = var.region
  bucket        = aws_s3_bucket.this.bucket
  target_bucket = var.access_log_bucket
  target_prefix = "s3/${var.name}/"
}
