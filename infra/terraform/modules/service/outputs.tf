output "name" {
  description = "Name of the service."
  value       = aws_ecs_service.this.name
}

output "family" {
  description = "Family of its task definitions."
  value       = aws_ecs_task_definition.this.family
}

output "container" {
  description = "Name of the container that the load balancer reaches."
  value       = var.container
}

output "log_group" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "task_role_arn" {
  description = "ARN of the task role."
  value       = "arn:${data.aws_partition.current.partition}:iam::${local.account}:role/${aws_iam_role.task.name}"
}

output "execution_role_arn" {
  description = "ARN of the execution role."
  value       = "arn:${data.aws_partition.current.partition}:iam::${local.account}:role/${aws_iam_role.execution.name}"
}

output "task_policy_json" {
  description = "Policy of the task role, for tests and reviews."
  value       = aws_iam_role_policy.task.policy
}

output "execution_policy_json" {
  description = "Policy of the execution role, for tests and reviews."
  value       = aws_iam_role_policy.execution.policy
}

output "security_group_id" {
  description = "Id of the tasks' security group on Fargate; null on instances, which have one."
  value       = one(aws_security_group.tasks[*].id)
}

output "container_definitions" {
  description = "Container definitions of the first task definition, for tests and reviews."
  value       = aws_ecs_task_definition.this.container_definitions
}
