output "origin" {
  description = "How a CloudFront distribution reaches the API: the host name, the VPC origin's id (null in public mode) and the paths."
  value = {
    domain_name   = aws_route53_record.origin.name
    vpc_origin_id = one(aws_cloudfront_vpc_origin.this[*].id)
    paths         = var.paths
  }

  # A distribution gets a new load balancer only when it serves, and the old one is destroyed after that.
  depends_on = [aws_lb_listener_rule.api]
}

output "origin_headers" {
  description = "Headers of each request from the distribution: the secret of the public mode."
  value       = { for secret in random_password.origin_secret : local.secret_header => secret.result }
  sensitive   = true
}

output "target_group_arn" {
  description = "ARN of the target group; known once a listener forwards to it, which ECS requires."
  value       = aws_lb_listener_rule.api.action[0].target_group_arn
}

output "security_group_id" {
  description = "Id of the load balancer's security group."
  value       = aws_security_group.this.id
}

output "arn_suffix" {
  description = "The load balancer's dimension in CloudWatch's metrics."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "The target group's dimension in CloudWatch's metrics."
  value       = aws_lb_target_group.this.arn_suffix
}

output "listener_arn" {
  description = "ARN of the HTTPS listener, for rules of previews."
  value       = aws_lb_listener.https.arn
}
