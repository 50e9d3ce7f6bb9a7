# Releases of modules; docs/releasing.md is the runbook.

# Runs a command with the needs of the tests of MODULE, or of the module of TAG.
with-needs = $(with) $(if $(findstring libs/storage/azblobstore,$(MODULE)$(TAG)),azurite) --

.PHONY: affected
affected: needs-go ## List the modules that a change affects (BASE=revision, FORMAT=lines, json or github)
	@tools/modules affected '$(BASE)' '$(or $(FORMAT),lines)'

.PHONY: release-check
release-check: needs-go ## Build every module, and test the libraries, from the zips that the proxy would serve
	@$(with) azurite -- tools/modules check

.PHONY: release
release: needs-go ## Check and tag a library: MODULE=libs/storage VERSION=v0.2.0 (DRY_RUN=1 makes no tag)
	@$(with-needs) tools/modules release '$(MODULE)' '$(VERSION)' $(if $(DRY_RUN),dry-run)

.PHONY: release-verify
release-verify: needs-go ## Check the module that TAG names, after it was tagged
	@$(with-needs) tools/modules verify '$(TAG)'

.PHONY: release-artifacts
release-artifacts: needs-go ## Write what goes onto the page of the release that TAG names
	@tools/modules artifacts '$(TAG)' .cache/release

.PHONY: rename
rename: needs-go ## Make a fork one's own: MODULE_PREFIX=example.com/team/app (REPOSITORY=OWNER/NAME)
	@tools/modules rename '$(MODULE_PREFIX)' '$(REPOSITORY)'

.PHONY: test-module
test-module: needs-go ## Build, vet and test one module alone: MODULE=libs/config
	@test -f '$(MODULE)/go.mod' || { echo 'expected MODULE=directory of a module, such as libs/config' >&2; exit 2; }
	@cd '$(MODULE)' && if [ -n "$$(go list ./... 2>/dev/null)" ]; then set -x; go build ./... && go vet ./... && '$(CURDIR)'/$(with-needs) go test -race ./...; \
		else set -x; go list tool >/dev/null && go mod verify; fi

.PHONY: release-publish
release-publish: ## Publish the artifacts of TAG as a GitHub release (needs gh and GH_TOKEN)
	@command -v gh >/dev/null || { echo 'missing: gh (https://cli.github.com)' >&2; exit 1; }
	@[[ '$(TAG)' =~ ^[a-z/-]+/v[0-9] ]] || { echo "expected TAG=directory/version such as libs/config/v0.1.0; got '$(TAG)'" >&2; exit 2; }
	gh release create '$(TAG)' --verify-tag --title '$(TAG)' --notes-file .cache/release/notes.md \
		$(if $(findstring -,$(notdir $(TAG))),--prerelease) .cache/release/*.zip .cache/release/*.cdx.json

.PHONY: fuzz
fuzz: needs-go ## Fuzz every fuzz test (FUZZTIME=30s for each)
	@tools/fuzz '$(or $(FUZZTIME),30s)'

.PHONY: vulncheck
vulncheck: needs-go ## Look for known vulnerabilities in what the modules call (asks vuln.go.dev)
	@$(with) gotool=govulncheck -- tools/lint/modules govulncheck ./...
