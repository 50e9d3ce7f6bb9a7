package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// An unavailable store is never reported as an empty list: the page of v1 would
// save that.
func TestStoreAway(t *testing.T) {
	faults := faultstore.New(unowned{memstore.New()}, nil)
	p := startOn(t, shared(faults), "TODO_REQUEST_TIMEOUT=1s")
	p.Create("known", "x")
	tag := p.Expect(200, "GET", "/api/state/known", "").Header.Get("ETag")
	faults.SetPlan(func(faultstore.Call) faultstore.Fault {
		return faultstore.Fault{Kind: faultstore.FailBefore, Err: errors.New("secret-bucket.s3: connection refused")}
	})
	refusals := [][3]string{
		{"GET", "/api/state/unknown", ""},
		{"GET", "/api/lists/unknown/todos", ""},
		{"GET", "/api/lists/unknown/todos/x", ""},
		{"GET", "/api/lists/unknown/events", ""},
		{"GET", "/api/lists/unknown/history", ""},
		{"HEAD", "/api/state/unknown", ""},
		{"PUT", "/api/state/known", "[]"},
		{"PUT", "/api/state/unknown", "[]"},
		{"POST", "/api/lists/known/todos", `{"title":"y"}`},
		{"DELETE", "/api/lists/known/todos", ""},
		{"POST", "/api/lists/known/batch", `{"operations":[{"id":"1","type":"clear"}]}`},
	}
	for _, r := range refusals {
		a := p.Expect(503, r[0], r[1], r[2])
		if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 {
			t.Errorf("%s %s: Retry-After: got %q", r[0], r[1], a.Header.Get("Retry-After"))
		}
		if strings.Contains(string(a.Body), "secret-bucket") {
			t.Errorf("%s %s: the answer tells of the store: %s", r[0], r[1], a.Body)
		}
	}
	// Cached lists are served with their age.
	for _, path := range []string{"/api/state/known", "/api/lists/known/todos", "/api/lists/known/history"} {
		a := p.Expect(200, "GET", path, "")
		age, err := strconv.Atoi(a.Header.Get("Age"))
		if err != nil || age < 1 || a.Header.Get("Warning") != `110 - "Response is Stale"` || a.Header.Get("ETag") != tag {
			t.Errorf("%s: got Age %q, Warning %q, ETag %s", path, a.Header.Get("Age"), a.Header.Get("Warning"), a.Header.Get("ETag"))
		}
	}
	eventually(t, "the log has the cause", func() bool { return strings.Contains(p.log.String(), "secret-bucket") })
	p.Expect(200, "GET", "/livez", "")
	faults.SetPlan(nil)
	eventually(t, "the store is back", func() bool {
		a := p.Send("GET", "/api/state/known", "")
		return a.StatusCode == 200 && a.Header.Get("Age") == ""
	})
	p.Create("known", "y")
	if got := contracttest.Titles(p.Todos("known")); got != "x,y" {
		t.Errorf("got %s, want x,y: what was refused with 503 must not have landed", got)
	}
	p.Expect(404, "GET", "/api/state/unknown", "")
}

// A write that landed although the store returned an error is acknowledged once.
func TestUnclearWrites(t *testing.T) {
	faults := faultstore.New(unowned{memstore.New()}, nil)
	p := startOn(t, shared(faults))
	p.Create("l", "a")
	faults.SetPlan(faultstore.Script("replace", faultstore.Fault{Kind: faultstore.FailAfter}, faultstore.Fault{Kind: faultstore.ConflictAfter},
		faultstore.Fault{Kind: faultstore.FailBefore}, faultstore.Fault{Kind: faultstore.Conflict}))
	for _, title := range []string{"b", "c", "d", "e"} {
		p.Create("l", title)
	}
	if got := contracttest.Titles(p.Todos("l")); got != "a,b,c,d,e" {
		t.Errorf("got %s, want a,b,c,d,e", got)
	}
}

type checkless struct{ storage.Store }

func (checkless) Check(context.Context) error {
	return &storage.Error{Op: "check", Err: storage.ErrUnavailable}
}

func TestNotReadyWithoutStore(t *testing.T) {
	// The store answers at the start, and fails later.
	first := true
	store := memstore.New()
	p := startOn(t, func(context.Context, string) (storage.Store, error) {
		if first {
			first = false
			return &turning{Store: store}, nil
		}
		return nil, errors.New("opened twice")
	})
	a := p.Expect(503, "GET", "/readyz", "")
	if !strings.Contains(string(a.Body), `"unavailable","reason":"the store fails: no answer"`) {
		t.Errorf("got %s", a.Body)
	}
	p.Expect(200, "GET", "/livez", "")
}

// turning is a store that answers its first check only.
type turning struct {
	storage.Store
	checks int
}

func (s *turning) Check(ctx context.Context) error {
	if s.checks++; s.checks > 1 {
		return checkless{}.Check(ctx)
	}
	return nil
}

// A write that the store could not make durable is never acknowledged, and the
// server is not ready until a write is durable.
func TestNotReadyWhileWritesMayBeLost(t *testing.T) {
	store := faultstore.New(memstore.New(), func(c faultstore.Call) faultstore.Fault {
		if c.Op == "create" || c.Op == "replace" {
			return faultstore.Fault{Kind: faultstore.FailAfter, Err: storage.ErrNotDurable}
		}
		return faultstore.Fault{}
	})
	p := startOn(t, func(context.Context, string) (storage.Store, error) { return store, nil })
	const body = `{"title": "a"}`
	for range 2 {
		a := p.Expect(503, "POST", "/api/lists/x/todos", body, "Idempotency-Key", "one")
		if !strings.Contains(string(a.Body), "outcome") {
			t.Errorf("got %s, want an unknown outcome", a.Body)
		}
	}
	p.Expect(503, "GET", "/readyz", "")
	store.SetPlan(nil)
	p.Expect(201, "POST", "/api/lists/x/todos", body, "Idempotency-Key", "one")
	p.Expect(200, "GET", "/readyz", "")
}

// A damaged list is answered with 500 and logged, never shown as empty. It is not
// changed and does not affect other lists.
func TestDamagedLists(t *testing.T) {
	dir := t.TempDir()
	damaged := map[string]string{
		"cut":       `[{"id": 1, "title": "x", "comp`,
		"object":    `{"a": 1}`,
		"text":      `hello`,
		"nothing":   ``,
		"wrong":     `[{"id": "1", "title": "x", "completed": false}]`,
		"newer":     `{"v":99,"rev":1,"nonce":"x","items":[]}`,
		"badutf8":   "[{\"id\": 1, \"title\": \"\xff\", \"completed\": false}]",
		"baditems":  `{"v":1,"rev":3,"nonce":"AAAA","items":[{"uid":"a b","id":1,"title":"x","completed":false,"order":1}],"ops":"","removed":[]}`,
		"doubleuid": `{"v":1,"rev":3,"nonce":"AAAA","items":[{"uid":"a","id":1,"title":"x","completed":false,"order":1},{"uid":"a","id":1,"title":"x","completed":false,"order":1}],"ops":"","removed":[]}`,
	}
	for name, body := range damaged {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const key = "sixteen characters"
	p := start(t, "TODO_STORE=file://"+dir, "TODO_NAME_DIGEST_KEY="+key)
	for name, body := range damaged {
		for _, r := range [][3]string{
			{"GET", "/api/state/" + name, ""},
			{"PUT", "/api/state/" + name, "[]"},
			{"GET", "/api/lists/" + name + "/todos", ""},
			{"POST", "/api/lists/" + name + "/todos", `{"title":"x"}`},
			{"GET", "/api/lists/" + name + "/events", ""},
			{"POST", "/api/lists/" + name + "/batch", `{"operations":[{"id":"1","type":"clear"}]}`},
		} {
			a := p.Expect(500, r[0], r[1], r[2])
			// The random request id may contain any text.
			if said := strings.ReplaceAll(string(a.Body), a.Header.Get("X-Request-Id"), ""); strings.Contains(said, "uid") || strings.Contains(said, dir) {
				t.Errorf("%s: the answer tells of the inside: %s", name, a.Body)
			}
		}
		if got, err := os.ReadFile(filepath.Join(dir, name+".json")); err != nil || string(got) != body {
			t.Errorf("%s: got %q, %v, want the file as it was", name, got, err)
		}
		eventually(t, "the log names "+name, func() bool {
			return strings.Contains(p.log.String(), `"key":"`+digestBy([]byte(key)).of(name)+`"`)
		})
	}
	p.Create("sound", "x")
	// A repaired list opens without a restart.
	if err := os.WriteFile(filepath.Join(dir, "text.json"), []byte(`[]`), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Expect(200, "GET", "/api/state/text", "")
}

// An outage is a line of the log for each type of problem, whatever the number of
// requests; the metrics count them.
func TestFailedRequestsAreLoggedOnce(t *testing.T) {
	faults := faultstore.New(unowned{memstore.New()}, nil)
	p := startOn(t, shared(faults), "TODO_REQUEST_TIMEOUT=1s")
	faults.SetPlan(func(faultstore.Call) faultstore.Fault {
		return faultstore.Fault{Kind: faultstore.FailBefore, Err: errors.New("connection refused")}
	})
	const requests = 20
	for n := range requests {
		p.Expect(503, "GET", fmt.Sprintf("/api/lists/l%d/todos", n), "")
	}
	want := fmt.Sprintf(`todo_http_requests_total{operation="listTodos",status="503"} %d`, requests)
	if got := p.metrics(); !strings.Contains(got, want) {
		t.Errorf("got the metrics %s, want %s", got, want)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(p.log.String(), `"request failed"`); got != 1 {
		t.Errorf("got %d lines about failed requests, want 1:\n%s", got, p.log)
	}
}
