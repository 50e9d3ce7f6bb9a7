# Deployments, and their rehearsal.

# Values reach the playbook by the environment, never through the shell's parser.
.PHONY: deploy
deploy: export DEPLOY := $(or $(PLAYBOOK),deploy)
deploy: ## Run a playbook: ENVIRONMENT=staging PLAYBOOK=deploy (or fetch, rollback, status, logs, run, lock, unlock, infra), RELEASE, ROLLBACK_TO, BREAK_LOCK, COMMAND, CHECK=1, ARGS=...
	@tools/setup/missing python $(if $(filter deploy fetch,$(DEPLOY)),go node)
	@[[ "$${ENVIRONMENT:-}" =~ ^[a-z0-9-]+$$ ]] || { echo 'expected ENVIRONMENT=staging or production' >&2; exit 2; }; \
	[ -f "infra/ansible/$$DEPLOY.yml" ] || { echo "expected PLAYBOOK to be a playbook of infra/ansible; got '$$DEPLOY'" >&2; exit 2; }; \
	[[ "$${RELEASE:-}$${ROLLBACK_TO:-}$${BREAK_LOCK:-}" =~ ^[A-Za-z0-9-]*$$ ]] || { echo 'expected RELEASE, ROLLBACK_TO and BREAK_LOCK to be ids: letters, digits, hyphens' >&2; exit 2; }; \
	[[ "$${COMMAND:-}" != *\'* ]] || { echo "expected COMMAND without single quotes; put arguments with spaces into double quotes" >&2; exit 2; }; \
	ANSIBLE_CONFIG=infra/ansible/ansible.cfg $(with) python -- ansible-playbook "infra/ansible/$$DEPLOY.yml" -e "environment=$$ENVIRONMENT" \
		$${RELEASE:+-e "release=$$RELEASE"} $${ROLLBACK_TO:+-e "rollback_to=$$ROLLBACK_TO"} $${BREAK_LOCK:+-e "release_break_lock=$$BREAK_LOCK"} $${COMMAND:+-e "command='$$COMMAND'"} $${CHECK:+--check} $(ARGS)

.PHONY: rehearse
rehearse: ## Deploy, break and roll back on this machine: no account, no registry
	@$(with) go engine localstack python node chromium haproxy terraform iam-simulate gotool=ko gotool=crane gotool=cyclonedx-gomod -- bash -c \
		'go test -C tools -count=1 -timeout 60m -tags rehearsal -v ./rehearsal; code=$$?; cat .cache/rehearsal/table.txt; exit $$code'
