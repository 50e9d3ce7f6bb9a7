package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// A store that is restored from a backup reaches the same revision numbers again,
// with other content. Earlier ETags and event ids do not match them.
func TestTagsDoNotRepeat(t *testing.T) {
	dir, backup := t.TempDir(), t.TempDir()
	const list, todos = "/api/lists/l", "/api/lists/l/todos"
	p := start(t, "TODO_STORE=file://"+dir)
	p.Create("l", "a")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	copyDir(t, dir, backup)

	p = start(t, "TODO_STORE=file://"+dir)
	lost := p.Expect(201, "POST", todos, `{"title":"lost"}`, "Idempotency-Key", "k")
	tag := lost.Header.Get("ETag")
	if again := p.Expect(201, "POST", todos, `{"title":"lost"}`, "Idempotency-Key", "k").Header.Get("ETag"); again != tag {
		t.Errorf("a repetition: got ETag %s, want %s", again, tag)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	copyDir(t, backup, dir)

	p = start(t, "TODO_STORE=file://"+dir)
	now := p.Expect(201, "POST", todos, `{"title":"b"}`).Header.Get("ETag")
	if numberOf(t, now) != numberOf(t, tag) || now == tag {
		t.Fatalf("got ETag %s, want another one of revision %d than %s", now, numberOf(t, tag), tag)
	}
	p.Expect(412, "DELETE", todos, "", "If-Match", tag)
	p.Expect(412, "PUT", "/api/state/l", "[]", "If-Match", tag)
	p.Expect(200, "GET", list, "", "If-None-Match", tag)
	p.Expect(304, "GET", list, "", "If-None-Match", now)
	stream := p.watch("l", "Last-Event-ID", tag[1:len(tag)-1])
	if e, _ := stream.next(); contracttest.Titles(e.todos) != "a,b" {
		t.Errorf("Last-Event-ID of before: got %+v, want the list as it is", e)
	}
	stream.close()
}

// copyDir replaces the documents of a directory by those of another.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	old, err := filepath.Glob(filepath.Join(to, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(from, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d documents, %v", from, len(files), err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
