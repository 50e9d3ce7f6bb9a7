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
  description = "The page's bucket's policy, for tests and for reading."
  value       = module.bucket.policy_json
}
