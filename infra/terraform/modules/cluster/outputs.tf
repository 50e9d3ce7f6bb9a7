output "name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "arn" {
  description = "ARN of the cluster."
  value       = local.cluster_arn
}

output "capacity_provider" {
  description = "Name of the capacity provider, known once it is attached: a service that uses it is destroyed before it is detached."
  value       = one(aws_ecs_cluster_capacity_providers.this.capacity_providers)

  # A service that is destroyed waits until its tasks have stopped. The agents that stop them need their permissions and
  # their way out until then.
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
  description = "What the ECS agent may do, for tests and for reading."
  value       = aws_iam_role_policy.agent.policy
}
