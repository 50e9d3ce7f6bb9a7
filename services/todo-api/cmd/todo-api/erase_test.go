package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// documents returns the content of all files of a directory.
func documents(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, file...), body...)
	}
	return all
}

func TestErase(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "TODO_STORE=file://"+dir)
	const list, todos = "/api/lists/secret-list", "/api/lists/secret-list/todos"
	p.Expect(201, "POST", todos, `{"title":"secret item"}`, "Idempotency-Key", "k")
	p.Expect(200, "PATCH", list, `{"title":"secret title"}`)
	p.Expect(204, "DELETE", todos, "")
	tag := p.Expect(200, "GET", list, "").Header.Get("ETag")
	stream := p.watch("secret-list")
	if e, _ := stream.next(); e.revision == 0 {
		t.Fatalf("got %+v", e)
	}
	if !bytes.Contains(documents(t, dir), []byte("secret")) {
		t.Fatal("the test does not see what is stored")
	}
	p.Expect(412, "DELETE", list, "", "If-Match", `"1-0123456789"`)
	for _, header := range [][]string{{"If-Match", tag}, nil, {"Idempotency-Key", "e"}, {"Idempotency-Key", "e"}} {
		if got := p.Expect(204, "DELETE", list, "", header...).Header.Get("ETag"); got != `"0"` {
			t.Errorf("got ETag %s, want that of a list that was never written", got)
		}
	}
	if e, _ := stream.next(); e.revision != 0 || len(e.todos) != 0 || e.id != "0" {
		t.Errorf("watched: got %+v, want a list that was never written", e)
	}
	stream.close()
	if all := documents(t, dir); bytes.Contains(all, []byte("secret")) {
		t.Errorf("the store still has %s", all)
	}
	p.Expect(404, "GET", "/api/state/secret-list", "")
	p.Expect(404, "POST", list+"/restore", `{"revision":3}`)
	p.Expect(412, "DELETE", list, "", "If-Match", "*")
	var history struct{ Entries []any }
	p.Expect(200, "GET", list+"/history", "").Into(t, &history)
	if len(history.Entries) > 0 {
		t.Errorf("history: got %v, want nothing", history.Entries)
	}
	// The key is forgotten, and the list starts at revision 1.
	again := p.Expect(201, "POST", todos, `{"title":"new"}`, "Idempotency-Key", "k")
	if again.Header.Get("Idempotency-Replayed") != "" {
		t.Error("the key of an erased write is remembered")
	}
	if got := contracttest.Titles(p.Todos("secret-list")); got != "new" {
		t.Errorf("got %s, want the new item alone", got)
	}
}

// A list that one server erases is erased at the others.
func TestEraseAtAnotherServer(t *testing.T) {
	store := memstore.New()
	one := startOn(t, shared(store), "TODO_STORE=mem:", "TODO_WATCH_FASTEST=50ms", "TODO_WATCH_SLOWEST=50ms")
	two := startOn(t, shared(store), "TODO_STORE=mem:", "TODO_WATCH_FASTEST=50ms", "TODO_WATCH_SLOWEST=50ms")
	one.Create("l", "a")
	stream := two.watch("l")
	stream.until("the item", func(e event) bool { return contracttest.Titles(e.todos) == "a" })
	one.Expect(204, "DELETE", "/api/lists/l", "")
	stream.until("the erased list", func(e event) bool { return e.revision == 0 && len(e.todos) == 0 })
	two.Expect(404, "GET", "/api/state/l", "")
	two.Create("l", "b")
	if got := contracttest.Titles(one.Todos("l")); got != "b" {
		t.Errorf("got %s, want what was written after", got)
	}
	stream.close()
}

func TestKeepRemoved(t *testing.T) {
	for keep, kept := range map[string]int{"1ns": 0, "1h": 1, "0s": 1} {
		dir := t.TempDir()
		p := start(t, "TODO_STORE=file://"+dir, "TODO_KEEP_REMOVED="+keep)
		item := p.Create("l", "removed long ago")
		p.Expect(204, "DELETE", "/api/lists/l/todos/"+item.ID, "")
		var history struct{ Entries []struct{ Revision int } }
		p.Expect(200, "GET", "/api/lists/l/history", "").Into(t, &history)
		if len(history.Entries) != kept {
			t.Errorf("keep_removed %s: got %d entries, want %d", keep, len(history.Entries), kept)
		}
		p.Create("l", "newer")
		if stored := bytes.Contains(documents(t, dir), []byte("removed long ago")); stored != (kept == 1) {
			t.Errorf("keep_removed %s: after another write the store has it: %t", keep, stored)
		}
		p.Expect(map[int]int{0: 404, 1: 200}[kept], "POST", "/api/lists/l/restore", `{"revision":2}`)
	}
}
