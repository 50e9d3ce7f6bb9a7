output "name" {
  description = "Name of the bucket, known once its policy permits the log services to write."
  value       = module.bucket.name
  depends_on  = [module.bucket]
}

output "arn" {
  description = "ARN of the bucket, known once its policy permits the log services to write."
  value       = module.bucket.arn
  depends_on  = [module.bucket]
}

output "policy_json" {
  description = "The bucket's policy, for tests and reviews."
  value       = module.bucket.policy_json
}
