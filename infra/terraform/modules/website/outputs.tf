output "bucket" {
  description = "Name of the page's bucket."
  value       = module.bucket.name
}

output "distribution_id" {
  description = "Id of the distribution."
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_arn" {
  description = "ARN of the distribution."
  value       = aws_cloudfront_distribution.this.arn
}

output "url" {
  description = "Address of the site, without a slash at the end."
  value       = "https://${var.domain}"
}

output "bucket_policy_json" {
  description = "Policy of the page's bucket, for tests and reviews."
  value       = module.bucket.policy_json
}
