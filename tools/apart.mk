# Suites that run by targets of their own until they were seen green on a quiet machine.

.PHONY: test-e2e
test-e2e: $(suites) ## Walk the page in Chromium, against the real program
	@$(with) node chromium -- npm --prefix apps/web run --silent e2e
