# The workshop of docker-compose.yml, with files that belong to whoever calls it.
.PHONY: compose
compose: ## Run the workshop: ARGS="up", ARGS="--profile s3 up", ARGS="down --volumes", ...
	@TODO_UID=$$(id -u) TODO_GID=$$(id -g) $$(docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) $(or $(ARGS),up)
