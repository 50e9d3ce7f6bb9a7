# Releases of modules; docs/releasing.md is the runbook.
modules = go run -C tools ./cmd/modules

.PHONY: affected
affected: needs-go ## List the modules that a change affects (BASE=revision, FORMAT=lines, json or github)
	@$(modules) affected -root "$$PWD" -base '$(BASE)' -format '$(or $(FORMAT),lines)'

.PHONY: release-check
release-check: needs-go ## Build and test every module from the zip that the proxy would serve
	@$(modules) check -root "$$PWD"

.PHONY: release
release: needs-go ## Check and tag a library: MODULE=libs/storage VERSION=v0.2.0 (DRY_RUN=1 makes no tag)
	@$(modules) release -root "$$PWD" -module '$(MODULE)' -version '$(VERSION)' $(if $(DRY_RUN),-dry-run)

.PHONY: release-verify
release-verify: needs-go ## Check the module that TAG names, after it was tagged
	@$(modules) verify -root "$$PWD" -tag '$(TAG)'

.PHONY: release-artifacts
release-artifacts: needs-go ## Write what goes onto the page of the release that TAG names
	@$(modules) artifacts -root "$$PWD" -tag '$(TAG)' -out "$$PWD/.cache/release"

.PHONY: rename
rename: needs-go ## Make a fork one's own: MODULE_PREFIX=example.com/team/app (REPOSITORY=OWNER/NAME)
	@$(modules) rename -root "$$PWD" -prefix '$(MODULE_PREFIX)' -repository '$(REPOSITORY)'

.PHONY: test-module
test-module: needs-go ## Build, vet and test one module alone: MODULE=libs/config
	@test -f '$(MODULE)/go.mod' || { echo 'expected MODULE=folder of a module, such as libs/config' >&2; exit 2; }
	cd '$(MODULE)' && go build ./... && go vet ./... && go test -race ./...
