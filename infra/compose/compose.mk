# The workshop of docker-compose.yml, with files that belong to whoever calls it.
.PHONY: compose
compose: ## Run the workshop: ARGS="up", ARGS="--profile s3 up", ARGS="down --volumes", ...
	@TODO_UID=$$(id -u) TODO_GID=$$(id -g) $$(docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) $(or $(ARGS),up)

.PHONY: test-compose
test-compose: $(suites) ## Start the workshop from a clone, with its s3 profile, and save files in it
	@$(with) engine localstack compose node python -- python -m pytest -q -p no:cacheprovider infra/compose/test_compose.py
