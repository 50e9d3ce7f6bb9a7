measure = go test -C tools -count=1 -run '^$$' -bench '^BenchmarkRows$$' -benchtime 1x -timeout 45m ./bench

.PHONY: bench
bench: build ## Measure beside the predecessor and others, write docs/benchmarks.md (BENCH_ROUNDS=5, BENCH_ROWS=expression); or beside BENCH_BASE=commit
	@$(with) bench redis $(if $(BENCH_BASE),gotool=benchstat) -- $(if $(BENCH_BASE),tools/bench/compare $(BENCH_BASE)) $(measure)
