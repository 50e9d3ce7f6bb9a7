locals {
  keydeposit = coalesce(var.keydeposit, "'${abspath(path.module)}/../../../../tools/keydeposit'")
}

# The tool creates the pair and uploads it: a private key is never a value in Terraform, so it cannot be in a state, a
# plan or a log. The tool overwrites nothing; if the pair exists, it does nothing.
resource "terraform_data" "deposit" {
  triggers_replace = {
    bucket  = module.bucket.name
    key     = local.private_object
    kms_key = aws_kms_key.this.arn
  }

  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-euc"]
    command     = "exec ${local.keydeposit} -bucket \"$BUCKET\" -key \"$KEY\" -kms-key-id \"$KMS_KEY\" -comment \"$COMMENT\" -region \"$REGION\""

    environment = {
      BUCKET  = module.bucket.name
      KEY     = local.private_object
      KMS_KEY = aws_kms_key.this.arn
      COMMENT = var.key_name
      REGION  = data.aws_region.current.region
    }
  }
}

data "aws_s3_object" "public" {
  bucket = module.bucket.name
  key    = "${local.private_object}.pub"

  depends_on = [terraform_data.deposit]
}

resource "aws_key_pair" "this" {
  key_name   = local.versioned_name
  public_key = trimspace(data.aws_s3_object.public.body)

  # A key pair cannot be changed, and launch templates refer to it by name.
  lifecycle {
    create_before_destroy = true
  }
}
