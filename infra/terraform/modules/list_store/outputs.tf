output "name" {
  description = "Name of the bucket."
  value       = module.bucket.name
}

output "prefix" {
  description = "Key prefix below which the lists are kept."
  value       = var.prefix
}

output "url" {
  description = "The store's address as the API's TODO_STORE takes it."
  value       = module.access.url
}

output "policy_json" {
  description = "The bucket's policy, for tests and for reading."
  value       = module.bucket.policy_json
}

output "access_statements" {
  description = "The IAM statements that a task role needs to keep lists here, and no more."
  value       = module.access.statements
}
