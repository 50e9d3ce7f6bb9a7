measure = go test -C tools -count=1 -run '^$$' -bench '^BenchmarkRows$$' -benchtime 1x -timeout 45m ./bench

# Elsewhere go test would find no benchmark, and succeed.
.PHONY: needs-linux
needs-linux:
	@[ "$$(uname)" = Linux ] || { echo 'the benchmarks read /proc: run them on Linux' >&2; exit 2; }

.PHONY: bench
bench: needs-linux build ## Measure the API next to its predecessor and others, and write docs/benchmarks.md (BENCH_ROUNDS=5, BENCH_ROWS=expression), or compare it with BENCH_BASE=commit
	@$(with) bench redis $(if $(BENCH_BASE),gotool=benchstat) -- $(if $(BENCH_BASE),tools/bench/compare $(BENCH_BASE)) $(measure)
