output "name" {
  description = "Name of the bucket."
  value       = module.bucket.name
}

output "prefix" {
  description = "Key prefix below which the lists are kept."
  value       = var.prefix
}

output "url" {
  description = "The store's address as the API's TODO_STORE takes it."
  value       = "s3://${module.bucket.name}/${var.prefix}?region=${data.aws_region.current.region}"
}

output "policy_json" {
  description = "The bucket's policy, for tests and for reading."
  value       = module.bucket.policy_json
}

output "access_statements" {
  description = "The IAM statements that a task role needs to keep lists here, and no more: read, write and delete below the prefix, and list the bucket. Without the last a missing key is answered 403, which no client can tell from a refusal."
  value = [
    {
      Sid      = "ReadAndWriteLists"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "${local.arn}/${var.prefix}/*"
    },
    {
      # A list is erased in the version that was read, never another.
      Sid       = "EraseLists"
      Effect    = "Allow"
      Action    = "s3:DeleteObject"
      Resource  = "${local.arn}/${var.prefix}/*"
      Condition = { Null = { "s3:if-match" = "false" } }
    },
    {
      Sid      = "TellMissingFromForbidden"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = local.arn
    },
  ]
}
