data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"
}

output "url" {
  description = "The store's address for the API's TODO_STORE."
  value       = "s3://${var.bucket}/${var.prefix}?region=${data.aws_region.current.region}"
}

output "statements" {
  description = "The minimum IAM statements of a task role for lists: read, write and delete below the prefix, and list the bucket. Without the last one, S3 answers 403 for a missing key, as for a refusal."
  value = [
    {
      Sid      = "ReadAndWriteLists"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${local.arn}/${var.prefix}/*"]
    },
    {
      # A list is deleted only in the version that was read.
      Sid       = "EraseLists"
      Effect    = "Allow"
      Action    = ["s3:DeleteObject"]
      Resource  = ["${local.arn}/${var.prefix}/*"]
      Condition = { Null = { "s3:if-match" = ["false"] } }
    },
    {
      Sid      = "TellMissingFromForbidden"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [local.arn]
    },
  ]
}
