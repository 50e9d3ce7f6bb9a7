# Applied by test_keydeposit.py: the real provisioner and the real tool, against an emulated S3.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.19"
    }
  }
}

variable "endpoint" {
  description = "Address of the emulator."
  type        = string
}

variable "keydeposit" {
  description = "Path of the tool."
  type        = string
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_requesting_account_id  = true

  endpoints {
    s3  = var.endpoint
    kms = var.endpoint
    ec2 = var.endpoint
    sts = var.endpoint
  }
}

module "ssh_key" {
  source = "../../modules/ssh_key"

  key_name   = "rehearsal"
  bucket     = "rehearsal-ssh-keys-000000000000"
  keydeposit = var.keydeposit
}

output "private_key_uri" {
  description = "Where the private half is."
  value       = module.ssh_key.private_key_uri
}
