# A copy for an outage of the region or an emptied bucket: deletions are not copied.
module "copy" {
  source = "../bucket"
  count  = var.copy_region == null ? 0 : 1

  name            = "${var.name}-copy"
  region          = var.copy_region
  noncurrent_days = var.noncurrent_days
  allow_destroy   = var.allow_destroy
}

resource "aws_iam_role" "copy" {
  count = var.copy_region == null ? 0 : 1

  name        = "${var.name}-copy"
  description = "Copies lists to ${var.copy_region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "S3"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceArn" = local.arn } }
    }]
  })
}

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
resource "aws_iam_role_policy" "copy" {
  count = var.copy_region == null ? 0 : 1

  name = "copy"
  role = aws_iam_role.copy[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadConfiguration"
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = local.arn
      },
      {
        Sid      = "ReadVersions"
        Effect   = "Allow"
        Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
        Resource = "${local.arn}/${var.prefix}/*"
      },
      {
        Sid      = "WriteCopies"
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = "${module.copy[0].arn}/*"
      },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "copy" {
  count = var.copy_region == null ? 0 : 1

  # Refused until both buckets have versioning.
  depends_on = [module.bucket, module.copy]

  bucket = module.bucket.name
  role   = aws_iam_role.copy[0].arn

  rule {
    id     = "lists"
    status = "Enabled"

    filter {
      prefix = "${var.prefix}/"
    }

    delete_marker_replication {
      status = "Disabled"
    }

    destination {
      bucket = module.copy[0].arn
    }
  }
}
