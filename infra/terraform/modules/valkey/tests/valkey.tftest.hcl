mock_provider "aws" {
  source = "../../test/mocks"
}

variables {
  name                     = "todo-staging"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-a", "subnet-b"]
  client_security_group_id = "sg-tasks"
}

run "reached_by_the_tasks_alone" {
  assert {
    condition     = aws_elasticache_serverless_cache.this.engine == "valkey" && toset(aws_elasticache_serverless_cache.this.security_group_ids) == toset([aws_security_group.this.id])
    error_message = "want a Valkey cache behind its own security group"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.tasks.referenced_security_group_id == "sg-tasks" && aws_vpc_security_group_egress_rule.tasks.security_group_id == "sg-tasks" && aws_vpc_security_group_ingress_rule.tasks.from_port == 6379
    error_message = "the only way in is from the tasks"
  }

  assert {
    condition     = output.url == "rediss://todo.serverless.cache.amazonaws.com:6379"
    error_message = "got ${output.url}"
  }
}
