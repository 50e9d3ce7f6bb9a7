.PHONY: test-infra
test-infra: $(suites) ## Test infra/terraform: formats, plans, policies, scans (providers from the registry or TERRAFORM_STANDINS)
	@$(with) terraform gotool=tflint python checkov engine localstack -- bash -c 'cd infra/terraform && test/run'
