output "origin" {
  description = "How a CloudFront distribution reaches the API: the host name, the VPC origin's id (null in public mode) and the paths."
  value = {
    domain_name   = aws_route53_record.origin.name
    vpc_origin_id = one(aws_cloudfront_vpc_origin.this[*].id)
    paths         = var.paths
  }

  # A distribution that is told of a new load balancer finds it answering, and the old one goes after that.
  depends_on = [aws_lb_listener_rule.api]
}

output "origin_headers" {
  description = "Headers that the distribution sends with each request: the secret of the public mode."
  value       = { for secret in random_password.origin_secret : local.secret_header => secret.result }
  sensitive   = true
}

output "target_group_arn" {
  description = "ARN of the target group; known once a listener forwards to it, as ECS demands."
  value       = aws_lb_listener_rule.api.action[0].target_group_arn
}

output "security_group_id" {
  description = "Id of the load balancer's security group."
  value       = aws_security_group.this.id
}

output "arn_suffix" {
  description = "The load balancer as CloudWatch's metrics name it."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "The target group as CloudWatch's metrics name it."
  value       = aws_lb_target_group.this.arn_suffix
}

output "listener_arn" {
  description = "ARN of the HTTPS listener, for rules of previews."
  value       = aws_lb_listener.https.arn
}
