variable "deploy" {
  description = "The object that the environment publishes for deployments, and the ARNs of the resources in it."
  type = object({
    account_id         = string
    cluster            = string
    cluster_arn        = string
    distribution_arn   = string
    execution_role_arn = string
    log_group          = string
    parameter          = string
    partition          = string
    region             = string
    releases_bucket    = string
    releases_prefix    = string
    repository_arn     = string
    service            = string
    task_family        = string
    task_role_arn      = string
    website_bucket     = string
  })
}
