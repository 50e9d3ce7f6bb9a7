output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "arn" {
  description = "ARN of the role."
  value       = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${aws_iam_role.this.name}"
}

output "trust_policy_json" {
  description = "Who may take the role, for tests and for reading."
  value       = aws_iam_role.this.assume_role_policy
}
