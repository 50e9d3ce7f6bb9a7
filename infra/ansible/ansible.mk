# Deployments, and their rehearsal.

.PHONY: deploy
deploy: $(suites) ## Run a playbook: ENVIRONMENT=staging PLAYBOOK=deploy (or rollback, status, infra), ARGS=...
	@test -n '$(ENVIRONMENT)' || { echo 'expected ENVIRONMENT=staging or production' >&2; exit 2; }
	@ANSIBLE_CONFIG=infra/ansible/ansible.cfg $(with) python -- ansible-playbook \
		'infra/ansible/$(or $(PLAYBOOK),deploy).yml' -e 'environment=$(ENVIRONMENT)' $(ARGS)

.PHONY: rehearse
rehearse: $(suites) ## Deploy, break and roll back on this machine: no account, no registry
	@$(with) engine localstack python node chromium haproxy -- bash -c \
		'go test -C tools -count=1 -timeout 60m -tags rehearsal -v ./rehearsal; code=$$?; cat .cache/rehearsal/table.txt; exit $$code'
