//go:build linux

package bench

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/server"
)

func TestMedianAndQuantile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[99-i] = float64(i + 1)
	}
	for _, c := range []struct {
		samples     []float64
		median, p99 float64
	}{
		{[]float64{3}, 3, 3}, {[]float64{5, 1, 3}, 3, 5}, {[]float64{4, 1, 3, 2}, 2.5, 4}, {[]float64{-1, 100, 1e9}, 100, 1e9}, {hundred, 50.5, 99},
	} {
		before := slices.Clone(c.samples)
		if got := median(c.samples); got != c.median || !slices.Equal(before, c.samples) {
			t.Errorf("median(%v): got %v, want %v and the samples as before", c.samples, got, c.median)
		}
		if got := quantile(c.samples, .99); got != c.p99 {
			t.Errorf("quantile of %v: got %v, want %v", c.samples, got, c.p99)
		}
	}
	if got := median(nil); !math.IsNaN(got) || quantile([]float64(nil), .99) != 0 {
		t.Errorf("median of nothing: got %v, want NaN", got)
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
		{"no goal", open, []float64{1e9}, ""},
		{"at least, not measured", atLeast(1), nil, "short"},
		{"at most, divided by nothing", atMost(1), []float64{math.NaN()}, "short"},
	} {
		if got := (metric{goal: c.goal, samples: c.samples}).Verdict(); got != c.want {
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

// sampleReport has what could break a table.
func sampleReport() report {
	fast := tally{requests: 100, failed: 10, elapsed: time.Second, cpu: time.Millisecond, p99: 2 * time.Millisecond}
	return report{
		Began: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Took: 90 * time.Second, Rounds: 3,
		machine: machine{CPU: "A & B <CPU>", Cores: 2, Versions: []string{"Go 1.26"}},
		Rows: []*row{
			{
				name: "a", title: `GET "a" & <b>`, why: "because", contestants: []string{"API file"}, turns: turns{"API file": {fast}},
				metrics: []metric{
					{"rate, one | two", times, []float64{25, 20, 30}, atLeast(20)},
					{"rate, slow", times, []float64{.001, .002, .003}, atLeast(.75)},
					{"nothing", times, nil, open},
					{"divided by nothing", times, []float64{math.NaN(), math.Inf(1)}, open},
					{"CPU a request", micros, []float64{13, 14, 15}, atMost(15)},
				},
			},
			{name: "b", title: "not there", failed: true},
			{name: "hot", title: "hot", contestants: []string{"API"}, turns: turns{"API": {{requests: 5, elapsed: time.Second, p99: time.Millisecond}}}},
		},
	}
}

func TestReport(t *testing.T) {
	root, r := t.TempDir(), sampleReport()
	if err := os.Mkdir(root+"/docs", 0o755); err != nil {
		t.Fatal(err)
	}
	// Each run adds a value of each goal; the page has the latest.
	var page string
	for i := range kept + 1 {
		r.commit = fmt.Sprint("commit", i)
		if err := r.write(root); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(root + "/docs/benchmarks.md")
		if err != nil {
			t.Fatal(err)
		}
		page = string(text)
	}
	for _, want := range []string{
		"on 2026-11-23, in 2 minutes", "A & B <CPU>, 2 cores", "Go 1.26.\n", "because",
		"- GET \"a\" & <b>: rate, slow: 0.002x (0.001 to 0.003), >= 0.75x: short\n", "- not there: not measured\n",
		"| rate, one \\| two | 25x | 20 to 30 | >= 20x | reached |\n", "| divided by nothing | not measured |",
		"| GET \"a\" & <b> | API file | 90 | 10 µs | 2 ms |\n", "| hot | API | 5 |  | 1 ms |\n",
		"| GET \"a\" & <b>: rate, slow | 0.002x (2026-11-23, commit1), 0.002x (2026-11-23, commit2)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("got\n%s\nwant %q in it", page, want)
		}
	}
	for _, line := range r.Short() {
		if strings.Contains(line, "one | two") {
			t.Errorf("short: got %s, want no metric that reached its goal", line)
		}
	}
	for line := range strings.Lines(r.text("table")) {
		if got := strings.Count(line, "|") - strings.Count(line, `\|`); got != 6 {
			t.Errorf("table: got %d bars, want 6: %s", got, line)
		}
	}
	goals, err := history(page)
	if got := goals[`GET "a" & <b>: rate, one \| two`]; err != nil || len(got) != kept || got[0] != "25x (2026-11-23, commit1)" || got[kept-1] != "25x (2026-11-23, commit6)" {
		t.Errorf("history: got %q and %v, want the latest %d values", goals, err, kept)
	}
	if _, err := history("# Another page"); err == nil {
		t.Error("a page without a history: got no error")
	}
	want := "Unit req/s better=higher\nBenchmarkRow/a/API_file 1 90 req/s 2000000 p99-ns 10000 cpu-ns/op\nBenchmarkRow/hot/API 1 5 req/s 1000000 p99-ns\n"
	if got := r.samples(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestProcess(t *testing.T) {
	p := &process{server.Spawn(t, server.Command{Name: "busy", Args: []string{"sh", "-c", `(while :; do :; done) & wait`}, Attr: group})}
	var err error
	for spent := time.Duration(0); spent < 50*time.Millisecond; { // by the child alone
		if spent, err = p.cpu(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := p.memory(); err != nil || n < .1 {
		t.Errorf("memory: got %v MB, %v, want that of two shells", n, err)
	}
	if s, err := p.status(); err != nil || s.RssAnon == 0 || s.VmHWM < s.RssAnon {
		t.Errorf("status: got RssAnon %d, VmHWM %d, %v, want some, and a peak that is no less", s.RssAnon, s.VmHWM, err)
	}
	p.Kill()
	for err == nil { // the kernel may still be at the child
		_, err = p.cpu()
	}
	if want := "has ended"; !strings.Contains(err.Error(), want) {
		t.Errorf("CPU time after its end: got %v, want %q", err, want)
	}
}

func noCPU() (time.Duration, error) { return 0, nil }

func TestDriveCountsWhatFails(t *testing.T) {
	requests := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		switch {
		case requests%2 == 0:
			w.WriteHeader(http.StatusNotFound)
		case requests%3 == 0:
			w.Header().Set("Connection", "close")
		}
	}))
	defer s.Close()
	addr := s.Listener.Addr().String()
	c := &httpClient{addr: addr, next: func() []byte { return request(http.MethodGet, addr, "/", nil) }}
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
	l.Close()
	c := &httpClient{addr: l.Addr().String(), next: func() []byte { return nil }}
	if got, err := drive(t.Context(), []client{c}, 200*time.Millisecond, noCPU); err == nil || errors.Is(err, errNoAnswer) {
		t.Errorf("got %+v, %v, want the error of the connection", got, err)
	}
}

func TestStampsDiffer(t *testing.T) {
	var stamps atomic.Int64
	first, second := list(2), list(2)
	setStamp(first, &stamps)
	setStamp(second, &stamps)
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

func TestChooseRefuses(t *testing.T) {
	for _, c := range []struct{ name, expression, rounds, want string }{
		{"no number", "", "many", "BENCH_ROUNDS=many: expected a number between 1 and 100"},
		{"no round", "", "0", "BENCH_ROUNDS=0: expected a number"},
		{"no expression", "(", "", "BENCH_ROWS: error parsing regexp"},
		{"no row", "nothing-like-it", "", "expected an expression that matches one of get-local, "},
	} {
		if _, _, err := choose(c.expression, c.rounds); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if all, rounds, err := choose("", ""); err != nil || len(all) != len(rows) || rounds != 5 {
		t.Errorf("by default: got %d rows, %d rounds, %v, want all and 5", len(all), rounds, err)
	}
}
