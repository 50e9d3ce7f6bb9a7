mock_provider "aws" {
  source = "../../test/mocks"
}

mock_provider "random" {}

# The same file in every environment. The runner compares the plans that these runs print.
run "plans" {
  command = plan

  assert {
    condition     = output.deploy.environment == basename(abspath(path.root))
    error_message = "an environment is called after its directory; got ${output.deploy.environment}"
  }
}
