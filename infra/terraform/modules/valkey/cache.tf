# Servers publish and subscribe; nothing is stored, so there are no backups.
resource "aws_elasticache_serverless_cache" "this" {
  name                 = var.name
  description          = "Hints of changes, from server to server"
  engine               = "valkey"
  major_engine_version = "8"
  subnet_ids           = var.subnet_ids
  security_group_ids   = [aws_security_group.this.id]

  # Limits the cost of a fault.
  cache_usage_limits {
    data_storage {
      maximum = 1
      unit    = "GB"
    }

    ecpu_per_second {
      maximum = 5000
    }
  }
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-valkey-"
  description = "Valkey from the tasks, nothing out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-valkey" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "tasks" {
  security_group_id            = aws_security_group.this.id
  description                  = "Valkey over TLS, from the tasks alone"
  referenced_security_group_id = var.client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

# Both ends of the connection are here, so that neither exists without the other.
resource "aws_vpc_security_group_egress_rule" "tasks" {
  security_group_id            = var.client_security_group_id
  description                  = "Valkey over TLS"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

locals {
  port = 6379
}
