data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"
}

output "url" {
  description = "The store's address as the API's TODO_STORE takes it."
  value       = "s3://${var.bucket}/${var.prefix}?region=${data.aws_region.current.region}"
}

output "statements" {
  description = "The IAM statements that a task role needs to keep lists here, and no more: read, write and delete below the prefix, and list the bucket. Without the last a missing key is answered 403, which no client can tell from a refusal."
  value = [
    {
      Sid      = "ReadAndWriteLists"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = ["${local.arn}/${var.prefix}/*"]
    },
    {
      # A list is erased in the version that was read, never another.
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
