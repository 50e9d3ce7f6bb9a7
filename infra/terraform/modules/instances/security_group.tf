locals {
  # Docker's dynamic host ports: /proc/sys/net/ipv4/ip_local_port_range of the image, 32768 to 60999,
  # or 49153 to 65535 if that cannot be read.
  # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
  dynamic_ports = { from = 32768, to = 65535 }
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-instances-"
  description = "Dynamic ports from the load balancer, HTTPS out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-instances" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  security_group_id            = aws_security_group.this.id
  description                  = "Dynamic ports of tasks, from the load balancer alone"
  referenced_security_group_id = var.load_balancer_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.dynamic_ports.from
  to_port                      = local.dynamic_ports.to
}

# The other end of the same connection is here, so that neither exists without the other.
resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  security_group_id            = var.load_balancer_security_group_id
  description                  = "Dynamic ports of tasks"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.dynamic_ports.from
  to_port                      = local.dynamic_ports.to
}

# ECS, ECR, S3, logs and Session Manager are HTTPS. Name resolution and time come from link-local addresses, which
# security groups do not filter.
resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "Services of AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
