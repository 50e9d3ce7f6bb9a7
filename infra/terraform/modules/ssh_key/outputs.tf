output "key_name" {
  description = "Name of the EC2 key pair."
  value       = aws_key_pair.this.key_name
}

output "private_key_uri" {
  description = "Where the private half is: an S3 address, readable by those whom IAM lets read the object and use the KMS key."
  value       = "s3://${module.bucket.name}/${local.private_object}"
}

output "bucket_policy_json" {
  description = "The bucket's policy, for tests and for reading."
  value       = module.bucket.policy_json
}
