# For tasks on Fargate, which have their own addresses. Tasks on instances use the instances' group.
resource "aws_security_group" "tasks" {
  count = local.fargate ? 1 : 0

  name_prefix = "${var.family}-tasks-"
  description = "The API from the load balancer, HTTPS out"
  vpc_id      = var.fargate.vpc_id

  tags = { Name = "${var.family}-tasks" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  count = local.fargate ? 1 : 0

  security_group_id            = aws_security_group.tasks[0].id
  description                  = "The API, from the load balancer alone"
  referenced_security_group_id = var.fargate.load_balancer_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
}

# Both ends of the connection are here, so that neither exists without the other.
resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  count = local.fargate ? 1 : 0

  security_group_id            = var.fargate.load_balancer_security_group_id
  description                  = "The API"
  referenced_security_group_id = aws_security_group.tasks[0].id
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
}

resource "aws_vpc_security_group_egress_rule" "https" {
  count = local.fargate ? 1 : 0

  security_group_id = aws_security_group.tasks[0].id
  description       = "Services of AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
