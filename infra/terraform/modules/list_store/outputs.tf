output "name" {
  description = "Name of the bucket."
  value       = module.bucket.name
}

output "prefix" {
  description = "Key prefix of the lists."
  value       = var.prefix
}

output "url" {
  description = "The store's address for the API's TODO_STORE."
  value       = module.access.url
}

output "policy_json" {
  description = "The bucket's policy, for tests and reviews."
  value       = module.bucket.policy_json
}

output "access_statements" {
  description = "The minimum IAM statements of a task role for lists."
  value       = module.access.statements
}
