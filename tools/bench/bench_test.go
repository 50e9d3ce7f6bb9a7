package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    float64
	}{
		{[]float64{3}, 3},
		{[]float64{5, 1, 3}, 3},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{-1, 100, 1e9}, 100},
	} {
		if got := median(c.samples); got != c.want {
			t.Errorf("median(%v): got %v, want %v", c.samples, got, c.want)
		}
	}
	samples := []float64{3, 1, 2}
	if median(samples); samples[0] != 3 {
		t.Errorf("median reordered the samples of the rounds: got %v", samples)
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing: got %v, want NaN", got)
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[99-i] = i + 1
	}
	for _, c := range []struct {
		values []int
		q      float64
		want   int
	}{
		{hundred, .99, 99}, {hundred, 1, 100}, {hundred, 0, 1}, {[]int{7}, .99, 7}, {nil, .99, 0}, {[]int{2, 1}, .5, 1},
	} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile %v of %d values: got %v, want %v", c.q, len(c.values), got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.002: "0.002", 0.0667: "0.067", 0.07: "0.07", 0.0999: "0.1", 1. / 3: "0.33", 4.6: "4.6", 9.999: "10", 13.25: "13.2", 20: "20", 99.96: "100", 671.6: "672",
		1534: "1,534", 1234567: "1,234,567", -45678: "-45,678", 100_000: "100,000",
		math.NaN(): "not measured", math.Inf(1): "not measured",
	} {
		if got := number(value); got != want {
			t.Errorf("number(%v): got %q, want %q", value, got, want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name    string
		goal    goal
		samples []float64
		want    string
	}{
		{"at least, above", atLeast(20), []float64{19, 21, 22}, "reached"},
		{"at least, equal", atLeast(20), []float64{20}, "reached"},
		{"at least, the median decides", atLeast(20), []float64{19, 19.9, 200}, "short"},
		{"at most, below", atMost(15), []float64{13}, "reached"},
		{"at most, above", atMost(15), []float64{16}, "short"},
		{"at most zero, none", atMost(0), []float64{0, 0}, "reached"},
		{"at most zero, one", atMost(0), []float64{1}, "short"},
		{"no goal", goal{}, []float64{1e9}, ""},
		{"at least, not measured", atLeast(1), nil, "short"},
		{"at most, divided by nothing", atMost(1), []float64{math.NaN()}, "short"},
	} {
		if got := (metric{goal: c.goal, samples: c.samples}).verdict(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSteepest(t *testing.T) {
	sizes := []int{1, 10, 100, 1000}
	for _, c := range []struct {
		name    string
		seconds []float64
		want    float64
	}{
		{"constant", []float64{5, 5, 5, 5}, 0},
		{"linear", []float64{1, 10, 100, 1000}, 1},
		{"square at the end", []float64{1, 1, 1, 100}, 2},
		{"square in the middle", []float64{1, 1, 100, 100}, 2},
	} {
		if got := steepest(sizes, c.seconds); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSumSamples(t *testing.T) {
	const text = `# HELP calls_total Calls.
calls_total{op="replace",outcome="ok"} 12
calls_total{op="replace",outcome="conflict"} 3
calls_total{op="get",outcome="ok"} 1e+06
`
	for prefix, want := range map[string]float64{`calls_total{op="replace"`: 15, "calls_total": 1000015, "other": 0} {
		if got, err := sumSamples(text, prefix); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", prefix, got, err, want)
		}
	}
	if got, err := sumSamples("calls_total many\n", "calls"); err == nil {
		t.Errorf("a sample that is no number: got %v, want an error", got)
	}
}

// sampleReport has what could break a table.
func sampleReport() report {
	return report{
		began: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), took: 90 * time.Second, rounds: 3,
		machine: machine{cpu: "A & B <CPU>", cores: 2, versions: []string{"Go 1.26"}},
		rows: []rowReport{
			{row: row{name: "a", title: `GET "a" & <b>`}, metrics: []metric{
				{"rate, one | two", times, []float64{25, 20, 30}, atLeast(20)},
				{"rate, slow", times, []float64{.001, .002, .003}, atLeast(.75)},
				{"nothing", times, nil, goal{}},
				{"divided by nothing", times, []float64{math.NaN(), math.Inf(1)}, goal{}},
				{"CPU a request", micros, []float64{13, 14, 15}, atMost(15)},
			}},
			{row: row{name: "b", title: "not there"}, err: errors.New("no")},
		},
		measured: []measurement{{"a", "API", []tally{{requests: 100, failed: 10, elapsed: time.Second, cpu: time.Millisecond, p99: 2 * time.Millisecond}}}},
	}
}

func TestReport(t *testing.T) {
	r := sampleReport()
	short := strings.Join(r.short(), "\n")
	for _, want := range []string{"rate, slow: 0.002x (0.001 to 0.003), >= 0.75x: short", "not there: not measured"} {
		if !strings.Contains(short, want) {
			t.Errorf("short: got\n%s\nwant %q in it", short, want)
		}
	}
	if strings.Contains(short, "one | two") {
		t.Errorf("short: got\n%s\nwant no metric in it that reached its goal", short)
	}
	for i, line := range strings.Split(strings.TrimSpace(r.markdown()), "\n") {
		if got := strings.Count(line, "|") - strings.Count(line, `\|`); got != 6 {
			t.Errorf("table, line %d: got %d bars, want 6: %s", i+1, got, line)
		}
	}
	if want := `| GET "a" & <b> | API | 90 | 10 µs | 2 ms |`; !strings.Contains(r.absolute(), want) {
		t.Errorf("absolute: got\n%s\nwant %q in it", r.absolute(), want)
	}
}

func TestSamples(t *testing.T) {
	want := "Unit req/s better=higher\nBenchmarkRow/put-spread/API_file 1 90 req/s 2000000 p99-ns 10000 cpu-ns/op\n" +
		"BenchmarkRow/hot-s3/API 1 5 req/s 1000000 p99-ns\n"
	got := samples([]measurement{
		{"put-spread", "API file", []tally{{requests: 100, failed: 10, elapsed: time.Second, cpu: time.Millisecond, p99: 2 * time.Millisecond}}},
		{"hot-s3", "API", []tally{{requests: 5, elapsed: time.Second, p99: time.Millisecond}}},
	})
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWrite(t *testing.T) {
	root := t.TempDir()
	r := sampleReport()
	for _, dir := range []string{"/docs", "/tools/bench"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.write(root); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(root + "/docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"on 2026-11-23, in 2 minutes", "A & B <CPU>, 2 cores", "rate, slow: 0.002x"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("got\n%s\nwant %q in it", page, want)
		}
	}
}

// TestHistory: each run adds a line for each goal, and the page has the latest.
func TestHistory(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"/docs", "/tools/bench"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range kept + 1 {
		r := sampleReport()
		r.machine.commit = fmt.Sprint("commit", i)
		if err := r.write(root); err != nil {
			t.Fatal(err)
		}
	}
	history, err := readHistory(root + "/tools/bench/history.csv")
	if err != nil || len(history) != 3*kept || history[0].commit != "commit1" {
		t.Errorf("history: got %v and %v, want the latest %d runs of 3 goals", history, err, kept)
	}
	page, err := os.ReadFile(root + "/docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	want := "| GET \"a\" & <b>: rate, slow | 0.002x (2026-11-23, commit1), 0.002x (2026-11-23, commit2)"
	if !strings.Contains(string(page), want) || strings.Contains(string(page), "commit0)") {
		t.Errorf("got\n%s\nwant %q in it and not the first run", page, want)
	}
	if err := os.WriteFile(root+"/tools/bench/history.csv", []byte("2026-11-23,one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readHistory(root + "/tools/bench/history.csv"); err == nil {
		t.Error("a line of two fields: got no error")
	}
}

func TestProcess(t *testing.T) {
	b := bench{work: t.TempDir()}
	p, err := b.spawn(t.Context(), command{name: "busy", args: []string{"sh", "-c", `(while :; do :; done) & wait`}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	for spent := time.Duration(0); spent < 50*time.Millisecond; { // by the child alone
		if spent, err = p.cpu(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := p.memory(); err != nil || n < 1e5 {
		t.Errorf("memory: got %v bytes, %v, want those of two shells", n, err)
	}
	if s, err := p.status(); err != nil || s.RssAnon == 0 || s.VmHWM < s.RssAnon {
		t.Errorf("status: got RssAnon %d, VmHWM %d, %v, want some, and a peak that is no less", s.RssAnon, s.VmHWM, err)
	}
	p.stop()
	for err == nil { // the kernel may still be at the child
		_, err = p.cpu()
	}
	if want := "busy has ended"; !strings.Contains(err.Error(), want) {
		t.Errorf("CPU time after its end: got %v, want %q", err, want)
	}
}

func noCPU() (time.Duration, error) { return 0, nil }

func TestDriveCountsWhatFails(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		switch {
		case requests%2 == 0:
			w.WriteHeader(http.StatusNotFound)
		case requests%3 == 0:
			w.Header().Set("Connection", "close")
		}
	}))
	defer server.Close()
	addr := server.Listener.Addr().String()
	head := request(http.MethodGet, addr, "/", "", 0)
	c := &httpClient{addr: addr, next: func() []byte { return head }}
	defer c.close()
	got, err := drive(t.Context(), []client{c}, 200*time.Millisecond, noCPU)
	if err != nil {
		t.Fatal(err)
	}
	if got.requests < 2 || got.failed != got.requests/2 {
		t.Errorf("got %d of %d failed, want every second", got.failed, got.requests)
	}
	if got.p99 <= 0 || got.p99 > 200*time.Millisecond {
		t.Errorf("got a 99th percentile of %v, want one within the time", got.p99)
	}
}

func TestDriveReportsAServerThatIsGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c := &httpClient{addr: addr, next: func() []byte { return nil }}
	if got, err := drive(t.Context(), []client{c}, 200*time.Millisecond, noCPU); err == nil {
		t.Errorf("got %+v, want an error", got)
	}
}

func TestStampsDiffer(t *testing.T) {
	var b bench
	first, second := list(2), list(2)
	b.stamp(first)
	b.stamp(second)
	if string(first) == string(second) || strings.Contains(string(first), stamp) {
		t.Errorf("got %s and %s, want two lists that differ", first, second)
	}
	if got, want := len(first), len(list(2)); got != want {
		t.Errorf("got %d bytes, want %d as before", got, want)
	}
	if got := len(list(listItems)); got < 1400 || got > 1600 {
		t.Errorf("a list has %d bytes, want 1.5 KB", got)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		name, key, value, want string
	}{
		{"no number", "BENCH_ROUNDS", "many", "BENCH_ROUNDS=many: expected a number between 1 and 100"},
		{"no round", "BENCH_ROUNDS", "0", "BENCH_ROUNDS=0: expected a number"},
		{"no expression", "BENCH_ROWS", "(", "BENCH_ROWS: error parsing regexp"},
		{"no row", "BENCH_ROWS", "nothing-like-it", "expected an expression that matches one of get-local, "},
	} {
		getenv := func(key string) string {
			if key == c.key {
				return c.value
			}
			return ""
		}
		err := run(context.Background(), []string{t.TempDir()}, getenv, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
