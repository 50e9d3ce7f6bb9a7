//go:build linux

package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	"testing"
	"time"
)

// limit bounds a run.
const limit = 40 * time.Minute

// bench is one row of a run, and what all rows share.
type bench struct {
	*testing.B
	*shared
	ctx context.Context
	row *row
}

// Context is canceled at the end of the run, and by SIGINT and SIGTERM.
func (b *bench) Context() context.Context { return b.ctx }

type shared struct {
	root    string // of the repository
	cache   string // what tools/setup/bench prepared
	objects string // for the directories of the S3 server
	api     string // the API's program
	nginx   string
	rounds  int
	stamps  atomic.Int64
}

func (s *shared) versitygw() string { return filepath.Join(s.root, ".cache", "bin", "versitygw") }

// row is one row of the table: metrics that are measured together.
type row struct {
	name, title string // name is what BENCH_ROWS chooses
	run         func(b *bench) []metric
	// why is the reason, with a date, for which the row misses a goal. It is printed
	// only if the row does.
	why string

	// The results of the run.
	metrics     []metric
	contestants []string
	turns       turns
	failed      bool
}

// choose returns the rows whose names match the expression, and the rounds.
func choose(expression, rounds string) ([]*row, int, error) {
	n, err := strconv.Atoi(cmp.Or(rounds, "5"))
	if err != nil || n < 1 || n > 100 {
		return nil, 0, fmt.Errorf("BENCH_ROUNDS=%s: expected a number between 1 and 100", rounds)
	}
	chosen, err := regexp.Compile(expression)
	if err != nil {
		return nil, 0, fmt.Errorf("BENCH_ROWS: %w", err)
	}
	var names []string
	var selected []*row
	for _, r := range rows {
		names = append(names, r.name)
		if chosen.MatchString(r.name) {
			selected = append(selected, &r)
		}
	}
	if len(selected) == 0 {
		return nil, 0, fmt.Errorf("BENCH_ROWS=%s: expected an expression that matches one of %s", expression, strings.Join(names, ", "))
	}
	return selected, n, nil
}

// BenchmarkRows measures the rows that BENCH_ROWS chooses.
func BenchmarkRows(b *testing.B) {
	selected, rounds, err := choose(os.Getenv("BENCH_ROWS"), os.Getenv("BENCH_ROUNDS"))
	if err != nil {
		b.Fatal(err)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		b.Fatal(err)
	}
	s := &shared{root: root, cache: filepath.Join(root, ".cache", "bench"), rounds: rounds, api: cmp.Or(os.Getenv("BENCH_API"), filepath.Join(root, "bin", "todo-api"))}
	for _, file := range []string{s.api, s.versitygw(), filepath.Join(s.cache, "pocketbase"), filepath.Join(s.cache, "venv", "bin", "gunicorn")} {
		if _, err := os.Stat(file); err != nil {
			b.Fatalf("%v: make bench builds it", err)
		}
	}
	// Debian has it in /usr/sbin, which is often not on PATH.
	if s.nginx, err = exec.LookPath("nginx"); err != nil {
		s.nginx = "/usr/sbin/nginx"
	}
	s.objects = objectDirectory(s.cache)
	b.Setenv("TMPDIR", s.cache) // on the disk that the repository is on, not in memory
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	rep := report{machine: describeMachine(ctx, s), Began: time.Now(), Rounds: rounds, Rows: selected}
	for _, r := range selected {
		if ctx.Err() != nil {
			b.Fatal(ctx.Err())
		}
		began := time.Now()
		fmt.Printf("== %s: %s\n", r.name, r.title)
		ok := b.Run(r.name, func(b *testing.B) { r.metrics = r.run(&bench{b, s, ctx, r}) })
		r.failed = !ok
		for _, m := range r.metrics {
			fmt.Printf("   %s\n", m.line())
		}
		fmt.Printf("   %.0f s\n", time.Since(began).Seconds())
	}
	rep.Took = time.Since(rep.Began)
	short := rep.Short()
	fmt.Printf("\n%s\n%d short of their goal:\n  %s\n", rep.text("table"), len(short), strings.Join(short, "\n  "))
	switch file := os.Getenv("BENCH_SAMPLES"); {
	case b.Failed():
	case file != "":
		if err := os.WriteFile(file, []byte(rep.samples()), 0o644); err != nil {
			b.Fatal(err)
		}
	case len(selected) < len(rows):
		fmt.Println("\ndocs/benchmarks.md stays as it is: not all rows were measured.")
	default:
		if err := rep.write(root); err != nil {
			b.Fatal(err)
		}
	}
}

// contest gives each contestant a turn in each round and reverses their order
// after each round. It discards a short first round.
func (b *bench) contest(turn time.Duration, contestants ...contestant) turns {
	got := make(turns)
	for round := range b.rounds + 1 {
		length := turn
		if round == 0 {
			length = turn / 3
		}
		order := slices.Clone(contestants)
		if round%2 == 0 {
			slices.Reverse(order)
		}
		var said strings.Builder
		for _, c := range order {
			t := b.turn(c, length)
			if round > 0 {
				got[c.name] = append(got[c.name], t)
				fmt.Fprintf(&said, "  %s %s/s", c.name, number(t.rate()))
			}
		}
		if round > 0 {
			b.progress(round, "%s", said.String())
		}
	}
	for _, c := range contestants {
		b.row.contestants = append(b.row.contestants, c.name)
	}
	b.row.turns = got
	return got
}

func (b *bench) turn(c contestant, length time.Duration) tally {
	cpu := func() (time.Duration, error) { return 0, nil }
	if c.server != nil {
		cpu = c.server.cpu
	}
	count := func() float64 { return 0 }
	if c.count != nil {
		count = c.count
	}
	clients := c.clients()
	defer closeAll(clients)
	before := count()
	t, err := drive(b.ctx, clients, length, cpu)
	if errors.Is(err, errNoAnswer) { // a slow server, or a busy machine
		t, err = drive(b.ctx, clients, 4*length, cpu)
	}
	if err = errors.Join(err, b.ctx.Err()); err != nil {
		b.Fatalf("%s: %v", c.name, err)
	}
	t.amount = count() - before
	return t
}

// progress prints the results of one round.
func (b *bench) progress(round int, format string, args ...any) {
	fmt.Printf("   %d/%d%s\n", round, b.rounds, fmt.Sprintf(format, args...))
}

// check ends the row if err is not nil or the run was interrupted.
func (b *bench) check(err error) {
	b.Helper()
	if err = errors.Join(err, b.ctx.Err()); err != nil {
		b.Fatal(err)
	}
}

// turns are the tallies of each contestant by name, one for each round.
type turns map[string][]tally

// each returns a metric with a sample for each tally of a contestant.
func (t turns) each(what, name string, u unit, of func(tally) float64, g goal) metric {
	m := metric{What: what, unit: u, goal: g}
	for _, one := range t[name] {
		m.samples = append(m.samples, of(one))
	}
	return m
}

// ratio returns a metric with the ratio of contestant a to b in each round.
func (t turns) ratio(what, a, b string, of func(tally) float64, g goal) metric {
	m := t.each(what, a, times, of, g)
	for i := range m.samples {
		m.samples[i] /= of(t[b][i])
	}
	return m
}
