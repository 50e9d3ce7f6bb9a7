resource "aws_security_group" "this" {
  name_prefix = "${var.name}-load-balancer-"
  description = "HTTPS from CloudFront, and out to the tasks"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-load-balancer" }

  lifecycle {
    create_before_destroy = true
  }
}

# CloudFront creates this group, one per VPC, with the first VPC origin; before that the lookup fails.
data "aws_security_group" "vpc_origins" {
  count = local.public ? 0 : 1

  name   = "CloudFront-VPCOrigins-Service-SG"
  vpc_id = var.vpc_id

  depends_on = [aws_cloudfront_vpc_origin.this]
}

resource "aws_vpc_security_group_ingress_rule" "vpc_origin" {
  count = local.public ? 0 : 1

  security_group_id            = aws_security_group.this.id
  description                  = "HTTPS from the interface of CloudFront in the VPC"
  referenced_security_group_id = data.aws_security_group.vpc_origins[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

data "aws_ec2_managed_prefix_list" "cloudfront" {
  count = local.public ? 1 : 0

  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_vpc_security_group_ingress_rule" "cloudfront" {
  count = local.public ? 1 : 0

  security_group_id = aws_security_group.this.id
  description       = "HTTPS from the edges of CloudFront"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront[0].id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
