package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
)

// TestTodoBackend is the specification of todobackend.com, assertion by
// assertion, from another origin.
func TestTodoBackend(t *testing.T) {
	key := listkey.New()
	for name, test := range map[string]struct {
		list    string
		headers []string
	}{
		"plain":   {"spec", nil},
		"private": {key.ID(), []string{"Todo-Key", key.Text()}},
	} {
		t.Run(name, func(t *testing.T) { testTodoBackend(t, test.list, test.headers) })
	}
}

func testTodoBackend(t *testing.T, name string, headers []string) {
	p := start(t, "TODO_STORE=mem:", "TODO_CORS_ORIGINS=*")
	root := "/api/lists/" + name + "/todos"
	origin := append(headers, "Origin", "https://todobackend.com")
	do := func(status int, method, path, body string) (a answer, todo todoBody) {
		t.Helper()
		a = p.Expect(status, method, path, body, origin...)
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s %s: Access-Control-Allow-Origin: got %q, want *", method, path, got)
		}
		if len(a.Body) > 0 && a.Body[0] == '{' {
			a.Into(t, &todo)
		}
		return a, todo
	}
	list := func() (todos []todoBody) {
		t.Helper()
		a, _ := do(200, "GET", root, "")
		a.Into(t, &todos)
		return todos
	}
	// The pre-requisites.
	list()
	if _, todo := do(201, "POST", root, `{"title":"a todo"}`); todo.Title != "a todo" {
		t.Errorf("POST: got the title %q, want %q", todo.Title, "a todo")
	}
	do(204, "DELETE", root, "")
	if got := list(); len(got) != 0 {
		t.Errorf("after DELETE: got %+v, want none", got)
	}
	// Storing new todos by posting to the root url.
	_, posted := do(201, "POST", root, `{"title":"walk the dog"}`)
	got := list()
	if len(got) != 1 || got[0].Title != "walk the dog" {
		t.Errorf("after POST: got %+v, want the new todo", got)
	}
	if posted.Completed || got[0].Completed {
		t.Errorf("a new todo is completed: %+v, %+v", posted, got)
	}
	if posted.URL == "" || posted.URL != got[0].URL {
		t.Errorf("url: got %q, and %q in the list", posted.URL, got[0].URL)
	}
	if _, fetched := do(200, "GET", posted.URL, ""); fetched != posted {
		t.Errorf("GET %s: got %+v, want %+v", posted.URL, fetched, posted)
	}
	// Working with an existing todo.
	do(204, "DELETE", root, "")
	var wg sync.WaitGroup
	for _, title := range []string{"another todo", "again"} {
		wg.Go(func() { do(201, "POST", root, fmt.Sprintf(`{"title":%q}`, title)) })
	}
	wg.Wait()
	got = list()
	if len(got) != 2 {
		t.Fatalf("two parallel POSTs: got %+v, want two todos", got)
	}
	if _, fetched := do(200, "GET", got[0].URL, ""); fetched.Title != got[0].Title {
		t.Errorf("from the list to the todo: got %q, want %q", fetched.Title, got[0].Title)
	}
	if _, changed := do(200, "PATCH", got[0].URL, `{"title":"bathe the cat"}`); changed.Title != "bathe the cat" {
		t.Errorf("PATCH title: got %q", changed.Title)
	}
	if _, changed := do(200, "PATCH", got[0].URL, `{"completed":true}`); !changed.Completed {
		t.Error("PATCH completed: got false")
	}
	_, fetched := do(200, "GET", got[0].URL, "")
	if again := list(); !fetched.Completed || fetched.Title != "bathe the cat" || again[0] != fetched {
		t.Errorf("changes are not persisted: got %+v, and %+v in the list", fetched, again[0])
	}
	do(204, "DELETE", got[0].URL, "")
	if again := list(); len(again) != 1 {
		t.Errorf("after DELETE of one of two: got %+v", again)
	}
	do(404, "GET", got[0].URL, "")
	// Tracking the order.
	_, ordered := do(201, "POST", root, `{"title":"blah","order":523}`)
	if ordered.Order != 523 {
		t.Errorf("POST order: got %v, want 523", ordered.Order)
	}
	if _, changed := do(200, "PATCH", ordered.URL, `{"order":95}`); changed.Order != 95 {
		t.Errorf("PATCH order: got %v, want 95", changed.Order)
	}
	if _, fetched := do(200, "GET", ordered.URL, ""); fetched.Order != 95 {
		t.Errorf("the order is not remembered: got %v, want 95", fetched.Order)
	}
	// The preflight request of a browser.
	a := p.Send("OPTIONS", root, "", "Origin", "https://todobackend.com", "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "content-type")
	if a.StatusCode != 204 || a.Header.Get("Access-Control-Max-Age") != "86400" || !strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "PATCH") ||
		!strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("preflight: got %d %v", a.StatusCode, a.Header)
	}
	for _, name := range []string{"ETag", "Location", "Idempotency-Replayed", "Retry-After"} {
		if a := p.Send("GET", root, "", origin...); !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("Access-Control-Expose-Headers: got %q without %s", a.Header.Get("Access-Control-Expose-Headers"), name)
		}
	}
}

func TestListOperations(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		for _, title := range []string{"a", "b", "c"} {
			p.Create("l", title)
		}
		todos := p.Todos("l")
		p.Expect(200, "PATCH", "/api/lists/l/todos/"+todos[1].ID, `{"completed":true}`)
		p.Expect(204, "DELETE", "/api/lists/l/todos?completed=true", "")
		if got := contracttest.Titles(p.Todos("l")); got != "a,c" {
			t.Errorf("clear completed: got %s, want a,c", got)
		}
		p.Expect(400, "DELETE", "/api/lists/l/todos?completed=false", "")
		p.Expect(400, "DELETE", "/api/lists/l/todos?completed=true&completed=", "")
		if got := contracttest.Titles(p.Todos("l")); got != "a,c" {
			t.Errorf("a filter that means nothing deleted: got %s, want a,c", got)
		}
		var all []todoBody
		p.Expect(200, "PATCH", "/api/lists/l/todos", `{"completed":true}`).Into(t, &all)
		if len(all) != 2 || !all[0].Completed || !all[1].Completed {
			t.Errorf("complete all: got %+v", all)
		}
		// A title changes one item, and is trimmed.
		var changed todoBody
		p.Expect(200, "PATCH", "/api/lists/l/todos/"+todos[0].ID, `{"title":" \t\u00a0A \ufeff"}`, "Content-Type", "application/merge-patch+json").Into(t, &changed)
		if changed.Title != "A" || !changed.Completed {
			t.Errorf("got %+v, want A, completed", changed)
		}
		p.Expect(200, "PATCH", "/api/lists/l/todos/"+todos[2].ID, `{"order":0}`)
		if got := contracttest.Titles(p.Todos("l")); got != "c,A" {
			t.Errorf("by order: got %s, want c,A", got)
		}
		p.Expect(204, "DELETE", "/api/lists/l/todos/"+todos[0].ID, "")
		p.Expect(404, "DELETE", "/api/lists/l/todos/"+todos[0].ID, "")
		p.Expect(404, "PATCH", "/api/lists/l/todos/"+todos[0].ID, `{"completed":true}`)
		p.Expect(204, "DELETE", "/api/lists/l/todos", "")
		if got := p.Todos("l"); len(got) != 0 {
			t.Errorf("after DELETE: got %+v", got)
		}
		var history struct {
			Entries []struct {
				Revision int
				Kind     string
				Todos    []todoBody
			}
		}
		p.Expect(200, "GET", "/api/lists/l/history", "").Into(t, &history)
		var kinds []string
		for _, e := range history.Entries {
			kinds = append(kinds, e.Kind+":"+contracttest.Titles(e.Todos))
		}
		if want := []string{"clear:c", "delete:A", "clearCompleted:b"}; !slices.Equal(kinds, want) {
			t.Errorf("history: got %v, want %v", kinds, want)
		}
		for _, e := range history.Entries {
			p.Expect(200, "POST", "/api/lists/l/restore", fmt.Sprintf(`{"revision":%d}`, e.Revision))
		}
		if got := contracttest.Titles(p.Todos("l")); got != "c,A,b" {
			t.Errorf("restored: got %s, want c,A,b", got)
		}
	})
}

// 32 clients, each through one of two programs that share nothing but a store.
func TestTwoProgramsLoseNothing(t *testing.T) {
	store := memstore.New()
	programs := []*program{startOn(t, shared(store)), startOn(t, shared(store))}
	const clients, each = 32, 8
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			p := programs[i%2]
			for j := range each {
				a, err := p.Try("POST", "/api/lists/l/todos", fmt.Sprintf(`{"title":"%d-%d"}`, i, j))
				if err != nil || a.StatusCode != http.StatusCreated {
					t.Errorf("POST: %v %s", err, a.Body)
					return
				}
				// One program sees acknowledged writes of the other at once.
				var todo todoBody
				a.Into(t, &todo)
				if a, err := programs[(i+1)%2].Try("GET", "/api/lists/l/todos/"+todo.ID, ""); err != nil || a.StatusCode != 200 {
					t.Errorf("GET through the other: %v %s", err, a.Body)
				}
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, todo := range programs[0].Todos("l") {
		seen[todo.Title] = true
	}
	if len(seen) != clients*each {
		t.Errorf("got %d different todos, want %d", len(seen), clients*each)
	}
}

func TestConditions(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		const todos, state = "/api/lists/l/todos", "/api/state/l"
		if tag := p.Expect(200, "GET", todos, "").Header.Get("ETag"); tag != `"0"` {
			t.Errorf("never written: ETag: got %s, want %q", tag, `"0"`)
		}
		p.Expect(304, "GET", todos, "", "If-None-Match", `"0"`)
		p.Expect(412, "POST", todos, `{"title":"x"}`, "If-Match", "*")
		a := p.Expect(201, "POST", todos, `{"title":"x"}`, "If-None-Match", "*")
		var x todoBody
		a.Into(t, &x)
		tag := a.Header.Get("ETag")
		if numberOf(t, tag) != 1 {
			t.Errorf("first write: ETag: got %s, want one of revision 1", tag)
		}
		item := todos + "/" + x.ID
		for _, path := range []string{todos, state, item, "/api/lists/l/history"} {
			for _, value := range []string{tag, "W/" + tag, `"7", ` + tag, "*"} {
				a := p.Expect(304, "GET", path, "", "If-None-Match", value)
				if a.Header.Get("ETag") != tag || len(a.Body) > 0 {
					t.Errorf("%s: 304 with ETag %s and %q, want %s and nothing", path, a.Header.Get("ETag"), a.Body, tag)
				}
			}
			p.Expect(200, "GET", path, "", "If-None-Match", `"0", "x", W/"2"`)
			get, head := p.Expect(200, "GET", path, ""), p.Expect(200, "HEAD", path, "")
			if get.Header.Get("ETag") != tag || head.Header.Get("ETag") != tag || head.ContentLength != int64(len(get.Body)) {
				t.Errorf("%s: HEAD: got ETag %s and length %d, want %s and %d", path, head.Header.Get("ETag"), head.ContentLength, tag, len(get.Body))
			}
		}
		stale := [][3]string{
			{"PUT", state, `[]`},
			{"POST", todos, `{"title":"y"}`},
			{"PATCH", todos, `{"completed":true}`},
			{"DELETE", todos, ""},
			{"PATCH", item, `{"completed":true}`},
			{"DELETE", item, ""},
			{"POST", "/api/lists/l/restore", `{"revision":1}`},
		}
		for _, r := range stale {
			for _, h := range [][2]string{{"If-Match", `"0"`}, {"If-Match", "W/" + tag}, {"If-None-Match", tag}, {"If-None-Match", "*"}} {
				a := p.Expect(412, r[0], r[1], r[2], h[0], h[1])
				if got := a.Header.Get("ETag"); got != tag {
					t.Errorf("%s %s with %v: ETag of the refusal: got %s, want %s", r[0], r[1], h, got, tag)
				}
			}
		}
		if got := p.Todos("l"); len(got) != 1 || got[0] != x {
			t.Errorf("after refusals: got %+v, want only %+v", got, x)
		}
		p.Expect(200, "PATCH", item, `{"completed":true}`, "If-Match", `"9", `+tag)
		p.Expect(412, "PATCH", item, `{"completed":false}`, "If-Match", tag)
	})
}

// Of many conditional writes at one revision, one succeeds.
func TestOneWinsARevision(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		p.Create("l", "x")
		tag := p.Expect(200, "GET", "/api/lists/l/todos", "").Header.Get("ETag")
		var mu sync.Mutex
		statuses := make(map[int]int)
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				a, err := p.Try("PUT", "/api/state/l", fmt.Sprintf(`[{"id":1,"title":"%d","completed":false}]`, i), "If-Match", tag)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				statuses[a.StatusCode]++
			})
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[412] != 23 {
			t.Errorf("got %v, want one 200 and 23 times 412", statuses)
		}
	})
}

func TestIdempotency(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		const todos = "/api/lists/l/todos"
		first := p.Expect(201, "POST", todos, `{"title":"once"}`, "Idempotency-Key", "k1")
		var once todoBody
		first.Into(t, &once)
		p.Create("l", "between")
		// White space in the JSON does not matter.
		again := p.Expect(201, "POST", todos, ` { "title" : "once" } `, "Idempotency-Key", "k1")
		if string(again.Body) != string(first.Body) || again.Header.Get("Location") != first.Header.Get("Location") || again.Header.Get("ETag") != first.Header.Get("ETag") {
			t.Errorf("again: got %s %v, want %s %v", again.Body, again.Header, first.Body, first.Header)
		}
		if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("Idempotency-Replayed: got %q and %q", first.Header.Get("Idempotency-Replayed"), again.Header.Get("Idempotency-Replayed"))
		}
		p.Expect(422, "POST", todos, `{"title":"twice"}`, "Idempotency-Key", "k1")
		p.Expect(422, "DELETE", todos, "", "Idempotency-Key", "k1")
		p.Expect(422, "PATCH", todos, `{"completed":true}`, "Idempotency-Key", "k1")
		p.Expect(201, "POST", "/api/lists/other/todos", `{"title":"twice"}`, "Idempotency-Key", "k1")

		item := todos + "/" + once.ID
		changed := p.Expect(200, "PATCH", item, `{"completed":true}`, "Idempotency-Key", "k2")
		p.Expect(200, "PATCH", item, `{"completed":false,"title":"later"}`)
		if a := p.Expect(200, "PATCH", item, `{"completed":true}`, "Idempotency-Key", "k2"); string(a.Body) != string(changed.Body) {
			t.Errorf("PATCH again: got %s, want %s as at first", a.Body, changed.Body)
		}
		p.Expect(204, "DELETE", item, "", "Idempotency-Key", "k3")
		p.Expect(204, "DELETE", item, "", "Idempotency-Key", "k3")
		p.Expect(404, "DELETE", item, "", "Idempotency-Key", "k4")
		// A repetition is not subject to the precondition of the first request.
		tag := p.Send("GET", todos, "").Header.Get("ETag")
		for range 2 {
			p.Expect(200, "PUT", "/api/state/l", `[{"id":1,"title":"put","completed":false}]`, "Idempotency-Key", "k5", "If-Match", tag)
		}
		p.Expect(200, "PATCH", todos, `{"completed":true}`, "Idempotency-Key", "k6")
		p.Expect(204, "DELETE", todos, "", "Idempotency-Key", "k7")
		kept := p.Create("l", "kept")
		p.Expect(204, "DELETE", todos, "", "Idempotency-Key", "k7")
		if got := p.Todos("l"); len(got) != 1 || got[0] != kept {
			t.Errorf("a repeated clear: got %+v, want %+v still there", got, kept)
		}
		for _, key := range []string{"with space", "ü", strings.Repeat("k", 129)} {
			p.Expect(400, "DELETE", todos, "", "Idempotency-Key", key)
		}
	})
}

func TestBatch(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		const batch = `{"operations":[
			{"id":"1","type":"create","todo":{"id":"a","title":"a"}},
			{"type":"create","todo":{"title":"b","completed":true,"order":0.5},"id":"2"},
			{"id":"3","type":"update","todoId":"a","change":{"title":"A"}},
			{"id":"4","type":"update","todoId":"none","change":{"title":"A"}},
			{"id":"5","type":"clearCompleted"},
			{"id":"6","type":"restore","revision":99},
			{"id":"7","type":"create","todo":{"id":"a","title":"other"}},
			{"id":"8","type":"completeAll","completed":true},
			{"id":"8","type":"completeAll","completed":false},
			{"id":"9","type":"create","todo":{"id":"c","title":"c"}},
			{"id":"10","type":"delete","todoId":"c"}]}`
		type result struct {
			ID               string
			Status, Revision int
			Replayed         bool
			Todo             *todoBody
			Problem          *problemBody
		}
		var answer struct {
			Revision int
			Results  []result
		}
		a := p.Expect(200, "POST", "/api/lists/l/batch", batch)
		a.Into(t, &answer)
		var got []string
		for _, r := range answer.Results {
			got = append(got, fmt.Sprintf("%s:%d", r.ID, r.Status))
			if (r.Problem != nil) != (r.Status >= 400) {
				t.Errorf("%s: got status %d and the problem %+v", r.ID, r.Status, r.Problem)
			}
		}
		if want := []string{"1:201", "2:201", "3:200", "4:404", "5:204", "6:404", "7:409", "8:200", "8:422", "9:201", "10:204"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if r := answer.Results[2]; r.Todo == nil || r.Todo.Title != "A" {
			t.Errorf("update: got %+v, want the item with title A", r.Todo)
		}
		if answer.Revision != 1 || numberOf(t, a.Header.Get("ETag")) != 1 {
			t.Errorf("got revision %d and ETag %s, want one commit for all", answer.Revision, a.Header.Get("ETag"))
		}
		want := p.Todos("l")
		if len(want) != 1 || want[0].Title != "A" || !want[0].Completed {
			t.Errorf("got %+v, want A alone, completed", want)
		}
		p.Expect(200, "POST", "/api/lists/l/batch", batch).Into(t, &answer)
		for _, r := range answer.Results {
			if r.Status < 300 && !r.Replayed {
				t.Errorf("again: %s: got %+v, want it replayed", r.ID, r)
			}
		}
		if got := p.Todos("l"); len(got) != 1 || got[0] != want[0] {
			t.Errorf("again: got %+v, want %+v", got, want)
		}
		p.Expect(200, "POST", "/api/lists/l/batch", `{"operations":[{"id":"x","type":"delete","todoId":"none"}]}`).Into(t, &answer)
		if answer.Revision != 1 || answer.Results[0].Status != 404 {
			t.Errorf("all refused: got %+v", answer)
		}
		// Restoring items that the batch removed.
		p.Expect(200, "POST", "/api/lists/l/batch", `{"operations":[{"id":"y","type":"restore","revision":1}]}`).Into(t, &answer)
		if got := contracttest.Titles(p.Todos("l")); got != "b,A,c" {
			t.Errorf("restored: got %s, want b,A,c", got)
		}
	})
}

func TestClosedRateLimit(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_RATE_LIMIT=3", "TODO_CLIENT_ADDRESS_HEADER=CloudFront-Viewer-Address")
	for i := range 3 {
		p.Expect(200, "GET", "/api/lists/l/todos", "", "CloudFront-Viewer-Address", fmt.Sprintf("198.51.100.7:%d", 4000+i))
	}
	if a := p.Expect(429, "GET", "/api/lists/l/todos", "", "CloudFront-Viewer-Address", "198.51.100.7:9"); a.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	p.Expect(200, "GET", "/api/lists/l/todos", "", "CloudFront-Viewer-Address", "2001:db8::1:4000")
	p.Expect(200, "GET", "/livez", "")
}
