# The page. `$(web-page)` is what a target needs that embeds or serves it.
web-page := apps/web/dist/page/index.html
web-sources := $(shell find apps/web/src apps/web/public -type f ! -name '*.test.ts') \
	$(addprefix apps/web/,index.html package-lock.json package.json tsconfig.app.json tsconfig.json tsconfig.node.json tsconfig.worker.json vite.config.ts)

# Not .PHONY: built again only when one of its sources is newer.
$(web-page): $(web-sources)
	@$(with) node -- npm --prefix apps/web run build

.PHONY: web
web: $(web-page) ## Build the page into apps/web/dist/page, when its sources changed

.PHONY: web-dev
web-dev: ## Serve the page with hot reload; API_ADDRESS names the API (http://127.0.0.1:8080)
	@$(with) node -- npm --prefix apps/web run dev

.PHONY: screenshots
screenshots: ## Make the pictures of docs/images with the real program
	@$(with) node chromium emoji -- npm --prefix apps/web run screenshots

.PHONY: keycloak
keycloak: ## Sign in at a real Keycloak by a real browser
	@$(with) node chromium keycloak -- npm --prefix apps/web run keycloak

.PHONY: lighthouse
lighthouse: ## Ask Lighthouse about the served page: at least 95 in each category
	@$(with) node chromium -- npm --prefix apps/web run lighthouse
