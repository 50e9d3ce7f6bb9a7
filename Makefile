# Everything a person or CI does here, one target each; `make` lists them.
# Areas add their own in a *.mk file of their directory.
# GNU Make 3.81 (macOS) ignores .SHELLFLAGS: a recipe of several commands sets -e itself.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Modules are built as those who import them build them; go.work is for editors.
export GOWORK := off

# Runs a command with what it needs set up: $(with) engine localstack -- COMMAND
with = tools/run with

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST) | sort

.PHONY: needs-go needs-go-and-node
needs-go:
	@tools/setup/missing go
needs-go-and-node:
	@tools/setup/missing go node

include $(wildcard */*.mk */*/*.mk)

.PHONY: build
build: needs-go-and-node $(web-page) ## Build bin/todo-api, with the page in it, static and without debug information
	CGO_ENABLED=0 go build -C services/todo-api -trimpath -ldflags '-s -w' -o ../../bin/todo-api ./cmd/todo-api

.PHONY: run
run: build ## Build the page and serve it with the API on http://localhost:8080, lists in ./data
	exec bin/todo-api

.PHONY: test
test: ## Run every test of suites.sh on what it needs, and close with a table (ONLY=name, WITHOUT=need, V=1, JOBS=2)
	@tools/run test

.PHONY: lint
lint: ## Check style, modules, scripts and generated files (ONLY=name, WITHOUT=need, V=1)
	@tools/run lint

.PHONY: fmt
fmt: needs-go ## Format the Go code
	$(with) gotool=golangci-lint -- tools/lint/modules golangci-lint fmt

.PHONY: generate
generate: needs-go ## Write the generated files again: the settings' table, the page's types of the API
	UPDATE=1 go test -C services/todo-api -count=1 -run '^TestREADME$$' ./cmd/todo-api
	$(with) node -- npm --prefix apps/web run generate

.PHONY: check
check: ## What CI checks: lint, test, and nothing left behind in the tree
	@set -eu -o pipefail; before=$$(git status --porcelain); \
	$(MAKE) lint; \
	$(MAKE) test; \
	diff <(echo "$$before") <(echo "$$(git status --porcelain)") || { echo 'the checks left these files behind' >&2; exit 1; }

.PHONY: engine-stop
engine-stop: ## End the Docker engine that the tests started, if they did
	tools/setup/engine stop

.PHONY: clean
clean: ## Remove what was built, downloaded and logged here; lists in data/ stay
	git clean -qfdX -- bin .cache coverage apps libs services
