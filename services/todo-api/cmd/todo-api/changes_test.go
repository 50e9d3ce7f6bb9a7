package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// withChanges applies a changes event as the contract defines.
func withChanges(todos, changed []todoBody, removed []string) []todoBody {
	todos = slices.DeleteFunc(slices.Clone(todos), func(t todoBody) bool { return slices.Contains(removed, t.ID) })
	for _, c := range changed {
		if i := slices.IndexFunc(todos, func(t todoBody) bool { return t.ID == c.ID }); i >= 0 {
			todos[i] = c
		} else {
			todos = append(todos, c)
		}
	}
	slices.SortStableFunc(todos, func(a, b todoBody) int {
		switch {
		case a.Order < b.Order:
			return -1
		case a.Order > b.Order:
			return 1
		}
		return 0
	})
	return todos
}

// A client that applies changes events always has the list that GET returns.
func TestChangesMakeTheList(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		for i := range 50 {
			p.Create("l", fmt.Sprint("item ", i))
		}
		s := p.watchChanges("l")
		defer s.close()
		if first, _ := s.next(); first.name != "list" || len(first.todos) != 50 {
			t.Fatalf("first: got %s of %d items, want the list of 50", first.name, len(first.todos))
		}
		names := map[string]int{}
		do := func(status int, method, path, body string) {
			t.Helper()
			a := p.Expect(status, method, "/api/lists/l/"+path, body)
			id := strings.Trim(a.Header.Get("ETag"), `"`)
			e := s.until("the revision", func(e event) bool { return e.id == id })
			names[e.name]++
			if got, want := e.todos, p.Todos("l"); !slices.Equal(got, want) {
				t.Errorf("after %s %s %s: got %+v, want %+v", method, path, body, got, want)
			}
		}
		item := func(i int) string { return "todos/" + p.Todos("l")[i].ID }
		do(201, "POST", "todos", `{"title":"new \"one\""}`)
		do(200, "PATCH", item(7), `{"completed":true}`)
		do(200, "PATCH", item(3), `{"title":"renamed"}`)
		do(200, "PATCH", item(40), `{"order":0.5}`)
		do(200, "PATCH", item(40), `{"order":7}`) // equal to another's
		do(204, "DELETE", item(0), "")
		if names["changes"] != 6 || names["list"] != 0 {
			t.Errorf("events of one change each: got %v, want 6 of changes", names)
		}
		do(200, "PATCH", "todos", `{"completed":true}`) // all: the list is smaller
		do(204, "DELETE", "todos", "")
		do(201, "POST", "todos", `{"title":"again"}`)
		if names["list"] == 0 {
			t.Error("no list in place of changes that are larger")
		}
	})
}

// A resumed stream begins with the changes since the client's last event.
func TestChangesResume(t *testing.T) {
	open := shared(memstore.New())
	p := startOn(t, open)
	for i := range 50 {
		p.Create("l", fmt.Sprint("item ", i))
	}
	stays, leaves := p.watchChanges("l"), p.watchChanges("l")
	defer stays.close()
	stays.next()
	leaves.next()
	leaves.close()
	for i := range 5 {
		p.Create("l", fmt.Sprint("later ", i))
		stays.until("the change", func(e event) bool { return e.revision == 51+i })
	}
	again := p.watchChanges("l", "Last-Event-ID", leaves.id)
	defer again.close()
	again.id, again.todos = leaves.id, leaves.todos
	e := again.until("the present", func(e event) bool {
		if e.name != "changes" {
			t.Errorf("got the event %s, want changes alone", e.name)
		}
		return e.revision == 55
	})
	if !slices.Equal(e.todos, p.Todos("l")) {
		t.Errorf("got %s, want %s", contracttest.Titles(e.todos), contracttest.Titles(p.Todos("l")))
	}
	if again.bytes > 2000 {
		t.Errorf("five changes took %d bytes, want less than 2000", again.bytes)
	}
	// A resumed stream begins with the list if the server does not know the changes.
	for name, server := range map[string]*program{"an unknown revision": p, "another server": startOn(t, open)} {
		id := leaves.id
		if server == p {
			id = "7-0123456789"
		}
		s := server.watchChanges("l", "Last-Event-ID", id)
		if e, _ := s.next(); e.name != "list" || len(e.todos) != 55 {
			t.Errorf("%s: got %s, want the list", name, e.name)
		}
		s.close()
	}
}

// A small change of a large list is sent as a small event to all watchers.
func TestChangesOfALargeListAreSmall(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_ACCESS_LOG=false")
	var state strings.Builder
	for i := range 500 {
		fmt.Fprintf(&state, `,{"id":%d,"title":"%s","completed":false}`, i, strings.Repeat("x", 1900))
	}
	p.Expect(200, "PUT", "/api/state/l", "["+state.String()[1:]+"]")
	streams := make([]*stream, 20)
	for i := range streams {
		streams[i] = p.watchChanges("l")
		defer streams[i].close()
		streams[i].next()
		streams[i].bytes = 0
	}
	before := p.watch("l") // an old page
	defer before.close()
	before.next()
	id := p.Todos("l")[250].ID
	for i := range 3 {
		p.Expect(200, "PATCH", "/api/lists/l/todos/"+id, fmt.Sprintf(`{"completed":%v}`, i%2 == 0))
		for _, s := range append(streams, before) {
			e := s.until("the change", func(e event) bool { return e.revision == 2+i })
			if len(e.todos) != 500 || e.todos[250].Completed != (i%2 == 0) {
				t.Fatalf("got %d items, completed %v", len(e.todos), e.todos[250].Completed)
			}
			if want := map[bool]string{true: "list", false: "changes"}[s == before]; e.name != want {
				t.Errorf("got the event %s, want %s", e.name, want)
			}
		}
	}
	for _, s := range streams {
		if s.bytes > 10_000 {
			t.Fatalf("three changes took %d bytes, want less than 10000, the item three times and what is around it", s.bytes)
		}
	}
}
