locals {
  fargate = var.fargate.enabled

  capacity_providers = local.fargate ? concat(
    [{ name = "FARGATE", base = var.fargate.on_demand_base, weight = 100 - var.fargate.spot_share }],
    [for share in [var.fargate.spot_share] : { name = "FARGATE_SPOT", base = null, weight = share } if share > 0],
  ) : [{ name = module.instances[0].capacity_provider, base = null, weight = 1 }]

  cpu_architecture = local.fargate ? var.fargate.cpu_architecture : module.instances[0].cpu_architecture

  fargate_network = !local.fargate ? null : {
    vpc_id                          = local.shared.vpc_id
    subnet_ids                      = local.shared.instance_subnet_ids
    load_balancer_security_group_id = module.load_balancer.security_group_id
    public_addresses                = local.shared.instances_have_public_addresses
  }

  # Through the resource that attaches the capacity providers, so that services are destroyed before these are detached.
  cluster_arn = "${local.ecs}:cluster/${aws_ecs_cluster_capacity_providers.this.cluster_name}"
}

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65: a variable decides, enabled by default, and checkov does not follow it

  name = local.name

  setting {
    name  = "containerInsights"
    value = var.logs.container_insights
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = local.capacity_providers[*].name

  dynamic "default_capacity_provider_strategy" {
    for_each = local.capacity_providers

    content {
      capacity_provider = default_capacity_provider_strategy.value.name
      base              = default_capacity_provider_strategy.value.base
      weight            = default_capacity_provider_strategy.value.weight
    }
  }

  # Replaced with the service that uses them, which is destroyed before they are detached.
  lifecycle {
    replace_triggered_by = [terraform_data.fargate]
  }
}

resource "terraform_data" "fargate" {
  triggers_replace = local.fargate
}

module "instances" {
  source = "../instances"
  count  = local.fargate ? 0 : 1

  name                            = local.name
  cluster                         = local.name # a reference would also make the cluster create_before_destroy
  vpc_id                          = local.shared.vpc_id
  subnet_ids                      = local.shared.instance_subnet_ids
  public_addresses                = local.shared.instances_have_public_addresses
  load_balancer_security_group_id = module.load_balancer.security_group_id
  key_name                        = local.shared.key_name
  instance_types                  = var.instances.types
  min_instances                   = var.instances.min
  max_instances                   = var.instances.max
  on_demand_base                  = var.instances.on_demand_base
  spot_share                      = var.instances.spot_share
  disk_gib                        = var.instances.disk_gib
  image_generation                = var.instances.image_generation
  reserved_memory                 = var.instances.reserved_memory
  allow_destroy                   = var.allow_destroy
}

moved {
  from = module.cluster.aws_ecs_cluster.this
  to   = aws_ecs_cluster.this
}

moved {
  from = module.cluster.aws_ecs_cluster_capacity_providers.this
  to   = aws_ecs_cluster_capacity_providers.this
}

moved {
  from = module.cluster
  to   = module.instances[0]
}
