output "name" {
  description = "Name of the repository."
  value       = aws_ecr_repository.this.name
}

output "arn" {
  description = "ARN of the repository."
  value       = "arn:${data.aws_partition.current.partition}:ecr:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:repository/${aws_ecr_repository.this.name}"
}

output "url" {
  description = "Address of the repository, for push and pull."
  value       = aws_ecr_repository.this.repository_url
}
