terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.19"
    }
  }

  # Bucket and region come from -backend-config=../backend.hcl, which bootstrap prints; the key from another, one a preview.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

locals {
  project = yamldecode(file("${path.module}/../project.yaml"))
}

provider "aws" {
  region = local.project.region

  # Nothing here may change with time or commit: a changed tag is a change of CloudFront's VPC origin, which AWS refuses
  # while it is in use.
  default_tags {
    tags = merge(local.project.tags, {
      Project   = local.project.name
      Part      = "${var.environment}-preview"
      ManagedBy = "terraform"
    })
  }
}
