output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "arn" {
  description = "ARN of the bucket."
  value       = local.arn
}

output "regional_domain_name" {
  description = "Host name of the bucket in its region, as CloudFront wants it."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}

output "policy_json" {
  description = "The bucket's policy, for tests and for reading."
  value       = aws_s3_bucket_policy.this.policy
}
