mock_provider "aws" {
  source = "../../test/mocks"
}

mock_provider "random" {}

# The region of the mocks' certificate, without which these mocks could be planned, but not applied.
override_data {
  target = module.environment.module.load_balancer.data.aws_region.current
  values = { region = "us-east-1" }
}

# The same file in every environment. The runner compares the plans that these runs print.
run "plans" {
  command = plan

  assert {
    condition     = output.deploy.environment == basename(abspath(path.root))
    error_message = "an environment is called after its directory; got ${output.deploy.environment}"
  }
}
