# Release records, the pages of earlier releases and the deployments' lock.
module "releases" {
  source = "../bucket"

  name              = "${local.name}-releases-${local.account}"
  access_log_bucket = module.logs.name
  allow_destroy     = var.allow_destroy
}

locals {
  deploy_role = "${local.name}-deploy"
  parameter   = "/${var.project.name}/${var.name}/deploy"

  deploy = {
    environment             = var.name
    region                  = var.project.region
    account_id              = local.account
    site_url                = module.website.url
    connect_origins         = local.connect_origins
    repository_url          = local.shared.repository_url
    repository_name         = local.shared.repository_name
    cluster                 = aws_ecs_cluster.this.name
    service                 = module.api.name
    task_family             = module.api.family
    container               = module.api.container
    desired_count           = var.tasks.count
    task_role_arn           = module.api.task_role_arn
    execution_role_arn      = module.api.execution_role_arn
    website_bucket          = module.website.bucket
    distribution_id         = module.website.distribution_id
    releases_bucket         = module.releases.name
    releases_prefix         = "deployments/"
    lists_bucket            = module.lists.name
    lists_prefix            = module.lists.prefix
    store_url               = module.lists.url
    log_group               = module.api.log_group
    stopped_tasks_log_group = module.observability.stopped_tasks_log_group
    deploy_role_arn         = "arn:${local.partition}:iam::${local.account}:role/${local.deploy_role}"
  }

  partition = data.aws_partition.current.partition
  ecs       = "arn:${local.partition}:ecs:${var.project.region}:${local.account}"
}

resource "aws_ssm_parameter" "deploy" {
  #checkov:skip=CKV2_AWS_34: ids and names, no secret; a plain parameter needs no key to read

  name           = local.parameter
  description    = "What a deployment to ${var.name} reads; infra/terraform/README.md says what each key means"
  type           = "String"
  insecure_value = jsonencode(local.deploy)
}

# The root bootstrap defines the role and its trust policy; these are all its permissions.
module "deploy_policy" {
  source = "../deploy_policy"

  deploy = merge(local.deploy, {
    partition        = local.partition
    parameter        = local.parameter
    cluster_arn      = local.cluster_arn
    repository_arn   = local.shared.repository_arn
    distribution_arn = module.website.distribution_arn
  })
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deploy"
  role   = local.deploy_role
  policy = module.deploy_policy.json
}
