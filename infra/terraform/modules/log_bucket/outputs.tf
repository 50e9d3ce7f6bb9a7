output "name" {
  description = "Name of the bucket."
  value       = module.bucket.name
}

output "arn" {
  description = "ARN of the bucket."
  value       = module.bucket.arn
}

output "policy_json" {
  description = "The bucket's policy, for tests and for reading."
  value       = module.bucket.policy_json
}
