mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  key_name   = "todo"
  bucket     = "todo-ssh-keys-123456789012"
  keydeposit = "true"
}

run "public_half_alone" {
  assert {
    condition     = startswith(aws_key_pair.this.public_key, "ssh-ed25519 ") && aws_key_pair.this.key_name == "todo-v1"
    error_message = "the key pair has the deposited public half; got ${aws_key_pair.this.key_name}"
  }

  assert {
    condition     = data.aws_s3_object.public.key == "todo-v1.pem.pub" && output.private_key_uri == "s3://todo-ssh-keys-123456789012/todo-v1.pem"
    error_message = "Terraform reads the public half alone; got ${data.aws_s3_object.public.key}"
  }

  assert {
    condition     = [for s in jsondecode(output.bucket_policy_json).Statement : s.Condition if s.Sid == "NeverOverwrite"] == [{ Null = { "s3:if-none-match" = ["true"] } }]
    error_message = "got ${output.bucket_policy_json}"
  }
}

run "a_new_generation_is_a_new_name" {
  command = plan
  variables {
    generation = 2
  }

  assert {
    condition     = aws_key_pair.this.key_name == "todo-v2" && data.aws_s3_object.public.key == "todo-v2.pem.pub"
    error_message = "got ${aws_key_pair.this.key_name}"
  }
}
