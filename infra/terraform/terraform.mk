.PHONY: test-infra
test-infra: ## The same as make test ONLY=infra/terraform (providers from the registry or TERRAFORM_STANDINS)
	@$(MAKE) test ONLY=infra/terraform

.PHONY: test-opentofu
test-opentofu: ## Validate and test infra/terraform with OpenTofu, which it builds (minutes, once)
	@$(with) opentofu terraform -- infra/terraform/test/opentofu

.PHONY: plan
plan: ## Plan ENVIRONMENT=staging with STATE_BUCKET and AWS_REGION, change nothing (FAIL_ON_CHANGES=1: fail on drift)
	@set -eu -o pipefail; [[ "$${ENVIRONMENT:-}" =~ ^[a-z0-9-]+$$ ]] || { echo 'expected ENVIRONMENT=staging or production' >&2; exit 2; }; \
	[ -n "$${STATE_BUCKET:-}" ] && [ -n "$${AWS_REGION:-}" ] || { echo 'expected STATE_BUCKET and AWS_REGION, which bootstrap prints' >&2; exit 2; }; \
	in="$(with) terraform -- terraform -chdir=infra/terraform/environments/$$ENVIRONMENT"; code=0; \
	$$in init -input=false -no-color -backend-config="bucket=$$STATE_BUCKET" -backend-config="region=$$AWS_REGION" >&2; \
	$$in plan -input=false -no-color -lock=false -detailed-exitcode | tee -a "$${GITHUB_STEP_SUMMARY:-/dev/null}" || code=$$?; \
	[ $$code != 2 ] || [ -n "$${FAIL_ON_CHANGES:-}" ] || code=0; exit $$code

.PHONY: preview-image
preview-image: $(web-page) ## Build the image of a preview into .cache/preview
	$(with) go node -- tools/image build -page -out .cache/preview

.PHONY: preview
preview: ## Show pull request NUMBER=12 beside ENVIRONMENT=staging for DAYS=7, by the image of preview-image; END=1 ends it, END=due all whose day has come (STATE_BUCKET, AWS_REGION)
	@$(with) terraform python -- infra/terraform/preview/preview $(if $(filter due,$(END)),end-due,$(if $(END),end,show) "$${NUMBER:-}" $(if $(END),,.cache/preview)) | \
		tee -a "$${GITHUB_STEP_SUMMARY:-/dev/null}"
