.PHONY: bench
bench: build ## Measure beside the predecessor and others, write docs/benchmarks.md (BENCH_ROUNDS=5, BENCH_ROWS=expression)
	@go build -C tools/bench -buildvcs=false -o ../../.cache/bin/bench .
	@$(with) bench -- .cache/bin/bench .
