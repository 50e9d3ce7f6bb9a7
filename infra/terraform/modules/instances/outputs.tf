output "capacity_provider" {
  description = "Name of the capacity provider."
  value       = aws_ecs_capacity_provider.this.name

  # Destroying a service waits until its tasks have stopped. The agents that stop them need their permissions and
  # their network until then.
  depends_on = [
    aws_iam_role_policy.agent,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_egress_rule.load_balancer,
    aws_vpc_security_group_ingress_rule.load_balancer,
  ]
}

output "security_group_id" {
  description = "Id of the instances' security group."
  value       = aws_security_group.this.id
}

output "autoscaling_group" {
  description = "Name of the group of instances."
  value       = aws_autoscaling_group.this.name
}

output "instance_policy_json" {
  description = "Policy of the ECS agent, for tests and reviews."
  value       = aws_iam_role_policy.agent.policy
}

output "cpu_architecture" {
  description = "Architecture of the instances for task definitions: X86_64 or ARM64."
  value       = local.arm ? "ARM64" : "X86_64"
}
