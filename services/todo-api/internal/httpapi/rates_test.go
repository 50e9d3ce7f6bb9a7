package httpapi

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// clock is a clock that the test advances.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newTestRates(perMinute int) (*rates, *clock) {
	at := &clock{time.Unix(1000, 0)}
	r := newRates(perMinute)
	r.now = at.now
	return r, at
}

func address(s string) client { return clientAt(netip.MustParseAddr(s)) }

// A client is answered again after exactly the time that it was told to wait.
func TestRate(t *testing.T) {
	r, at := newTestRates(3)
	from := address("198.51.100.7")
	for i := range 3 {
		if wait, ok := r.take(from, 0, 1, 0); !ok || wait != 0 {
			t.Fatalf("request %d: got %v, %t, want no wait", i, wait, ok)
		}
	}
	wait, ok := r.take(from, 0, 1, 0)
	if ok || wait <= 0 || wait > time.Minute {
		t.Fatalf("the fourth: got %v, %t, want a wait", wait, ok)
	}
	// Refusals take no units.
	for range 10 {
		if again, ok := r.take(from, 0, 1, 0); ok || again != wait {
			t.Fatalf("again: got %v, %t, want %v", again, ok, wait)
		}
	}
	at.at = at.at.Add(wait - time.Millisecond)
	if early, ok := r.take(from, 0, 1, 0); ok {
		t.Errorf("before the wait is over: got %v, want a refusal", early)
	}
	if soon, ok := r.take(from, 0, 1, 10*time.Millisecond); !ok || soon <= 0 {
		t.Errorf("with patience: got %v, %t, want a short wait", soon, ok)
	}
	if other, ok := r.take(address("198.51.100.8"), 0, 1, 0); !ok || other != 0 {
		t.Errorf("another client: got %v, %t", other, ok)
	}
}

// The wait of a request that was refused after it took some units covers the whole
// request.
func TestRateOfAWholeRequest(t *testing.T) {
	r, at := newTestRates(60) // one a second
	from := address("198.51.100.7")
	r.owe(from, 60)
	at.at = at.at.Add(2 * time.Second)
	if _, ok := r.take(from, 0, 1, 0); !ok {
		t.Fatal("the first unit is refused")
	}
	wait, ok := r.take(from, 1, 10, 0)
	if ok || wait.Round(time.Second) != 10*time.Second {
		t.Errorf("10 more of which one is there: got %v, %t, want 10s for 11", wait, ok)
	}
	// No request is refused forever.
	if wait, ok := r.take(from, 1, 1000, 0); ok || wait > time.Minute {
		t.Errorf("more than a minute has: got %v, %t, want at most a minute", wait, ok)
	}
	at.at = at.at.Add(time.Minute)
	if _, ok := r.take(from, 1, 1000, 0); !ok {
		t.Error("after a minute: got a refusal")
	}
}

// The number of remembered clients is bounded.
func TestRatesAreBounded(t *testing.T) {
	r, _ := newTestRates(1)
	for i := range maxClients + 10 {
		r.take(clientAt(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), 0, 1, 0)
	}
	if got := r.budgets.Len(); got > maxClients {
		t.Errorf("got %d clients in memory, want at most %d", got, maxClients)
	}
}

// unitCounter counts the units that requests take.
type unitCounter struct {
	*api
	clock *clock
	sent  int
}

const plenty = 100_000

func countUnits(a *api) *unitCounter {
	u := &unitCounter{api: a, clock: &clock{time.Unix(1000, 0)}}
	a.rates.now = u.clock.now
	return u
}

// of sends a request as a new client and returns its status and units.
func (u *unitCounter) of(method, path, body string) (status, units int) {
	u.T.Helper()
	u.sent++
	from := fmt.Sprintf("203.0.113.%d", u.sent)
	status = u.Send(method, path, body, "X-Client", from).StatusCode
	return status, plenty - int(u.rates.budget(address(from)).TokensAt(u.clock.at))
}

// Every operation of the contract takes units, and more of them for a large list,
// whether it is in memory or not.
func TestEveryOperationTakesUnits(t *testing.T) {
	store := memstore.New()
	limited := func(o *Options) { o.RateLimit = plenty }
	warm := countUnits(serveStore(t, store, limited))
	large := manyItems(4000)
	for name, items := range map[string]string{"small": `[{"id":1,"title":"x","completed":false}]`, "large": large} {
		warm.Expect(200, "PUT", "/api/state/"+name, items)
	}
	bodies := map[string]string{
		"putState": large, "updateList": `{"title":"x"}`, "createTodo": `{"title":"x"}`, "completeAllTodos": `{"completed":true}`,
		"updateTodo": `{"title":"x"}`, "applyBatch": `{"operations":[{"id":"1","type":"setTitle","title":"y"}]}`, "restoreRevision": `{"revision":1}`,
	}
	tested := 0
	for _, op := range warm.contract.operations {
		path := func(name string) string {
			return strings.NewReplacer("{name}", name, "{id}", "none").Replace(op.path)
		}
		body := bodies[op.id]
		if (body != "") != (op.consumes != nil) {
			t.Fatalf("%s: this test needs a body for it", op.id)
		}
		if isProbe(op.path) {
			if _, got := warm.of(op.method, op.path, ""); got != 0 {
				t.Errorf("%s: got %d units, want none for a probe", op.id, got)
			}
			continue
		}
		if _, got := warm.of(op.method, path("missing"), ""); got != 1 {
			t.Errorf("%s of a list that does not exist, without a body: got %d units, want 1", op.id, got)
		}
		if op.tag == "service" || op.id == "deleteTodos" || op.id == "eraseList" {
			continue
		}
		tested++
		want := 1 + int(op.memory(max(int64(len(body)), 300_000))/unit)
		if status, got := warm.of(op.method, path("large"), body); got < want || status == 429 {
			t.Errorf("%s of a large list: got %d and %d units, want %d or more", op.id, status, got, want)
		}
		cold := countUnits(serveStore(t, store, limited))
		if _, got := cold.of(op.method, path("large"), body); got < want {
			t.Errorf("%s of a large list that is not in memory: got %d units, want %d or more", op.id, got, want)
		}
	}
	if tested < 12 {
		t.Errorf("got %d operations about lists, want all", tested)
	}
	// Both delete items that the others need.
	for _, r := range [][2]string{{"DELETE", "/api/lists/large/todos"}, {"DELETE", "/api/lists/large"}} {
		warm.Expect(200, "PUT", "/api/state/large", large)
		if _, got := warm.of(r[0], r[1], ""); got < 30 {
			t.Errorf("%s %s: got %d units, want those of a large list", r[0], r[1], got)
		}
	}
}

// A batch takes the units of its operations before it applies them.
func TestBatchesTakeUnitsByOperation(t *testing.T) {
	u := countUnits(serve(t, func(o *Options) { o.RateLimit = plenty }))
	u.Expect(200, "PUT", "/api/state/large", manyItems(4000))
	size, ok := u.opts.Lists.Size("large")
	if !ok {
		t.Fatal("the list is not in memory")
	}
	batch := func(n int) string {
		operations := make([]string, n)
		for i := range operations {
			operations[i] = fmt.Sprintf(`{"id":"%d","type":"restore","revision":%d}`, i, i+1)
		}
		return `{"operations":[` + strings.Join(operations, ",") + `]}`
	}
	each := 1 + int(size/unit)
	for list, want := range map[string]int{"small": 1 + 199, "large": 1 + int(writeCost*size/unit) + 199*each} {
		if status, got := u.of("POST", "/api/lists/"+list+"/batch", batch(200)); status != 200 || got != want {
			t.Errorf("200 operations on a %s list: got %d and %d units, want 200 and %d", list, status, got, want)
		}
	}

	// Retry-After is exact: the request succeeds then, and not a second earlier.
	from := []string{"X-Client", "198.51.100.9"}
	u.rates.owe(address(from[1]), plenty-100)
	a := u.Expect(429, "POST", "/api/lists/large/batch", batch(200), from...)
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		t.Fatalf("Retry-After: got %q, want seconds", a.Header.Get("Retry-After"))
	}
	u.clock.at = u.clock.at.Add(time.Duration(seconds) * time.Second)
	u.Expect(200, "POST", "/api/lists/large/batch", batch(200), from...)
	var problem struct{ Detail string }
	if a.Into(t, &problem); !strings.Contains(problem.Detail, fmt.Sprintf("%d units a minute", plenty)) {
		t.Errorf("got %q, want the limit", problem.Detail)
	}
}
