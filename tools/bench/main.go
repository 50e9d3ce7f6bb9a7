// Command bench measures what docs/benchmarks.md tells: the API beside its
// predecessor, other servers and the naive way to the same end, in turn, in
// one run.
//
//	BENCH_ROUNDS  how often each contestant has its turn: 5
//	BENCH_ROWS    a regular expression that chooses rows: all
//	BENCH_API     the API's program: bin/todo-api
//	BENCH_SAMPLES a file to which each turn is appended in the format of Go's
//	              benchmarks, for benchstat; docs are not written then
//
// It prints a table with what each metric is to reach. When all rows were
// measured it writes docs/benchmarks.md. A metric that falls
// short of its goal is reported and is not an error: it exits with 1 only
// when something could not be measured.
//
// All servers listen on loopback and end with it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// limit ends a run that hangs.
const limit = 40 * time.Minute

// bench is what the rows of a run share.
type bench struct {
	root   string // of the repository
	cache  string // what tools/setup/bench prepared
	work   string // a directory for this run, removed at its end
	store  string // the same for the S3 server, in memory where that can hold it
	api    string // bin/todo-api
	nginx  string
	rounds int
	stdout io.Writer

	versitygw string
	// quiet is the log of what is expected to be aborted at the end of a turn.
	quiet    *log.Logger
	stamps   atomic.Int64
	measured []measurement
}

// measurement is what one contestant did in one row, a tally a round.
type measurement struct {
	row, name string
	tallies   []tally
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) (err error) {
	if len(args) != 1 {
		return errors.New("expected one argument, the repository's root; make bench gives it")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	rounds, err := strconv.Atoi(cmp.Or(getenv("BENCH_ROUNDS"), "5"))
	if err != nil || rounds < 1 || rounds > 100 {
		return fmt.Errorf("BENCH_ROUNDS=%s: expected a number between 1 and 100", getenv("BENCH_ROUNDS"))
	}
	chosen, err := regexp.Compile(getenv("BENCH_ROWS"))
	if err != nil {
		return fmt.Errorf("BENCH_ROWS: %w", err)
	}
	selected := slices.DeleteFunc(rows(), func(r row) bool { return !chosen.MatchString(r.name) })
	if len(selected) == 0 {
		return fmt.Errorf("BENCH_ROWS=%s: expected an expression that matches one of %s", chosen, strings.Join(rowNames(), ", "))
	}

	b, err := newBench(args[0], getenv("BENCH_API"), rounds, stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work), os.RemoveAll(b.store)) }()

	r := report{machine: describeMachine(ctx, b), began: time.Now(), rounds: rounds}
	for _, row := range selected {
		began := time.Now()
		fmt.Fprintf(stdout, "== %s: %s\n", row.name, row.title)
		metrics, rowErr := row.run(ctx, b)
		if rowErr != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("%s: %w", row.name, ctx.Err()) // whatever else failed, failed of it
			}
			fmt.Fprintf(stdout, "   not measured: %v\n", rowErr)
			err = errors.Join(err, fmt.Errorf("%s: %w", row.name, rowErr))
		}
		for _, f := range metrics {
			fmt.Fprintf(stdout, "   %s\n", f.line())
		}
		fmt.Fprintf(stdout, "   %.0f s\n", time.Since(began).Seconds())
		r.rows = append(r.rows, rowReport{row: row, metrics: metrics, err: rowErr})
	}
	r.took = time.Since(r.began)
	r.measured = b.measured

	fmt.Fprintf(stdout, "\n%s\n%d short of their goal:\n  %s\n", r.markdown(), len(r.short()), strings.Join(r.short(), "\n  "))
	if err != nil {
		return err
	}
	if file := getenv("BENCH_SAMPLES"); file != "" {
		return appendSamples(file, b.measured)
	}
	if len(selected) < len(rows()) {
		fmt.Fprintln(stdout, "\ndocs/benchmarks.md stays as it is: not all rows were measured.")
		return nil
	}
	return r.write(b.root)
}

func newBench(root, api string, rounds int, stdout io.Writer) (*bench, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	b := &bench{
		root: root, cache: filepath.Join(root, ".cache", "bench"), api: cmp.Or(api, filepath.Join(root, "bin", "todo-api")), rounds: rounds, stdout: stdout,
		versitygw: filepath.Join(root, ".cache", "bin", "versitygw"), quiet: log.New(io.Discard, "", 0),
	}
	for _, file := range []string{b.api, b.versitygw, filepath.Join(b.cache, "pocketbase"), filepath.Join(b.cache, "venv", "bin", "gunicorn")} {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("%w: make bench builds it", err)
		}
	}
	// Debian has it in /usr/sbin, which is often not on PATH.
	if b.nginx, err = exec.LookPath("nginx"); err != nil {
		if b.nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, err
		}
	}
	// On the disk that the repository is on, not in memory.
	if b.work, err = os.MkdirTemp(b.cache, "run-"); err != nil {
		return nil, err
	}
	b.store, err = objectDirectory(b.work)
	return b, err
}

// objectDirectory makes a directory for the S3 server: in memory, because the
// rows on S3 measure its clients, or on disk if the memory file system does not
// support extended attributes.
func objectDirectory(work string) (string, error) {
	if dir, err := os.MkdirTemp("/dev/shm", "todo-bench-"); err == nil {
		if syscall.Setxattr(dir, "user.bench", []byte("1"), 0) == nil {
			return dir, nil
		}
		if err := os.Remove(dir); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(work, "s3-")
}

func (b *bench) listen(ctx context.Context) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// contest gives each contestant a turn in each round, in an order that is
// reversed each time. A short round before them is not counted.
func (b *bench) contest(ctx context.Context, row string, turn time.Duration, contestants ...contestant) (map[string][]tally, error) {
	tallies := make(map[string][]tally)
	for round := range b.rounds + 1 {
		length := turn
		if round == 0 {
			length = turn / 3
		}
		order := slices.Clone(contestants)
		if round%2 == 0 {
			slices.Reverse(order)
		}
		if round > 0 {
			fmt.Fprintf(b.stdout, "   %d/%d", round, b.rounds)
		}
		for _, c := range order {
			t, err := b.turn(ctx, c, length)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 {
				tallies[c.name] = append(tallies[c.name], t)
				fmt.Fprintf(b.stdout, "  %s %s/s", c.name, number(t.rate()))
			}
		}
		if round > 0 {
			fmt.Fprintln(b.stdout)
		}
	}
	for _, c := range contestants {
		b.measured = append(b.measured, measurement{row, c.name, tallies[c.name]})
	}
	return tallies, nil
}

func (b *bench) turn(ctx context.Context, c contestant, length time.Duration) (tally, error) {
	if err := ctx.Err(); err != nil {
		return tally{}, err
	}
	cpu := func() (time.Duration, error) { return 0, nil }
	if c.server != nil {
		cpu = c.server.cpu
	}
	clients := c.clients()
	defer func() {
		for _, client := range clients {
			client.close()
		}
	}()
	var before float64
	var err error
	if c.count != nil {
		if before, err = c.count(); err != nil {
			return tally{}, err
		}
	}
	t, err := drive(ctx, clients, length, cpu)
	if errors.Is(err, errNoAnswer) { // slow, or a machine that does much else
		t, err = drive(ctx, clients, 4*length, cpu)
	}
	if err != nil {
		return tally{}, err
	}
	if c.count != nil {
		after, err := c.count()
		if err != nil {
			return tally{}, err
		}
		t.amount = after - before
	}
	return t, nil
}

// each applies of to every tally.
func each(tallies []tally, of func(tally) float64) []float64 {
	samples := make([]float64, len(tallies))
	for i, t := range tallies {
		samples[i] = of(t)
	}
	return samples
}

// ratios divides what of says of each tally of a by that of b in the same
// round.
func ratios(a, b []tally, of func(tally) float64) []float64 {
	samples := make([]float64, len(a))
	for i := range a {
		samples[i] = of(a[i]) / of(b[i])
	}
	return samples
}

func p99(t tally) float64    { return float64(t.p99.Microseconds()) / 1000 }
func failed(t tally) float64 { return float64(t.failed) }
