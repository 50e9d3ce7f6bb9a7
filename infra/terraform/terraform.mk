.PHONY: test-infra
test-infra: ## The same as make test ONLY=infra/terraform (providers from the registry or TERRAFORM_STANDINS)
	@$(MAKE) test ONLY=infra/terraform
