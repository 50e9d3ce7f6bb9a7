// Package bench writes docs/benchmarks.md. BenchmarkRows, which make bench runs,
// measures the API next to its predecessor (v1), other servers and a naive
// implementation: each has a turn in each round.
//
//	BENCH_ROUNDS  number of rounds, 5 by default
//	BENCH_ROWS    a regular expression that selects rows, all by default
//	BENCH_API     the API's program, bin/todo-api by default
//	BENCH_SAMPLES a file to write each turn to, in the format of Go's benchmarks,
//	              for benchstat, instead of docs/benchmarks.md
//
// It prints a table with the goal of each metric, and writes docs/benchmarks.md if
// all rows were selected. A metric below its goal is reported and is not a failure;
// a row that cannot be measured is.
//
// All servers listen on loopback and end with the run. It needs Linux.
package bench
