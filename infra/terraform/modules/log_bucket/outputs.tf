output "name" {
  description = "Name of the bucket, known once its policy lets the log services write."
  value       = module.bucket.name
  depends_on  = [module.bucket]
}

output "arn" {
  description = "ARN of the bucket, known once its policy lets the log services write."
  value       = module.bucket.arn
  depends_on  = [module.bucket]
}

output "policy_json" {
  description = "The bucket's policy, for tests and for reading."
  value       = module.bucket.policy_json
}
