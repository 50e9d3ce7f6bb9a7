output "key_name" {
  description = "Name of the EC2 key pair."
  value       = aws_key_pair.this.key_name
}

output "private_key_uri" {
  description = "S3 address of the private half. Reading it requires permissions on the object and the KMS key."
  value       = "s3://${module.bucket.name}/${local.private_object}"
}

output "bucket_policy_json" {
  description = "The bucket's policy, for tests and reviews."
  value       = module.bucket.policy_json
}
