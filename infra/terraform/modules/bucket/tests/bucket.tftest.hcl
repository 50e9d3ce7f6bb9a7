mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name = "todo-example-123456789012"
}

run "closed_encrypted_versioned_and_tls_only" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "all four blocks of public access must be on"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "want SSE-S3 without a KMS key"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "want versioning"
  }

  assert {
    condition     = jsondecode(output.policy_json).Statement == [{ Sid = "TLSOnly", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::todo-example-123456789012", "arn:aws:s3:::todo-example-123456789012/*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } }]
    error_message = "got ${output.policy_json}, want one statement that denies everything without TLS"
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy && length(aws_s3_bucket_logging.this) == 0
    error_message = "want no forced destroy and no access log unless asked"
  }
}

run "kms_expiry_and_log_when_asked" {
  command = plan

  variables {
    kms_key_arn       = "arn:aws:kms:eu-west-1:123456789012:key/1"
    expire_days       = 30
    versioned         = false
    access_log_bucket = "logs"
    allow_destroy     = true
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1" && one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
    error_message = "want the KMS key, with a bucket key"
  }

  assert {
    condition     = toset([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id]) == toset(["abandoned-uploads", "expire"])
    error_message = "rules on noncurrent versions have no place where versioning is off"
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy && aws_s3_bucket_logging.this[0].target_prefix == "s3/todo-example-123456789012/"
    error_message = "want forced destroy and the log below the bucket's own name"
  }
}

run "one_prefix_expires_and_versions_do_not" {
  command = plan
  variables {
    expire_prefixes = { "previews/" = 14 }
    noncurrent_days = null
  }

  assert {
    condition     = toset([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id]) == toset(["abandoned-uploads", "expire-previews"])
    error_message = "null keeps every version for ever"
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : [rule.filter[0].prefix, rule.expiration[0].days] if rule.id == "expire-previews"] == [["previews/", 14]]
    error_message = "want objects below previews/ to expire, and no others"
  }
}
