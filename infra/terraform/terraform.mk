.PHONY: test-infra
test-infra: $(suites) ## Test infra/terraform: formats, plans, policies, scans (providers from the registry or TERRAFORM_STANDINS)
	@$(suites) test -only infra/terraform $(if $(V),-v)
