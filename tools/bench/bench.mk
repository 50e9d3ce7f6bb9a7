.PHONY: bench
bench: build ## Measure beside the predecessor and others, write docs/benchmarks.md (BENCH_ROUNDS=5, BENCH_ROWS=expression); or beside BENCH_BASE=commit
	@go build -C tools/bench -buildvcs=false -o ../../.cache/bin/bench .
	@$(with) bench redis $(if $(BENCH_BASE),gotool=benchstat) -- $(if $(BENCH_BASE),tools/bench/compare $(BENCH_BASE),.cache/bin/bench .)
