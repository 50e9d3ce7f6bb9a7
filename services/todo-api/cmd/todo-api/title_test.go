package main

import (
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// A list's title is kept with it, and is shown by the list and its events.
func TestListTitle(t *testing.T) {
	dir := "TODO_STORE=file://" + t.TempDir()
	p := start(t, dir)
	const list = "/api/lists/l"
	type whole struct {
		Title    string
		Revision int
		Todos    []todoBody
	}
	check := func(a answer, want string) {
		t.Helper()
		var got whole
		if a.Into(t, &got); got.Title != want {
			t.Errorf("got the title %q, want %q", got.Title, want)
		}
	}
	check(p.Expect(200, "GET", list, ""), "")
	item := p.Create("l", "a")
	check(p.Expect(200, "PATCH", list, `{"title":" Holidays 😀 "}`), "Holidays 😀")
	check(p.Expect(200, "PATCH", list, `{"title":"Holidays 😀","was":"old"}`), "Holidays 😀")
	p.Expect(409, "PATCH", list, `{"title":"mine","was":"old"}`)
	p.Expect(204, "DELETE", list+"/todos/"+item.ID, "")
	p.Expect(200, "POST", list+"/restore", `{"revision":3}`)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p = start(t, dir)
	var got whole
	if p.Expect(200, "GET", list, "").Into(t, &got); got.Title != "Holidays 😀" || contracttest.Titles(got.Todos) != "a" {
		t.Errorf("after a restart: got %+v", got)
	}
	p.Expect(200, "POST", list+"/batch", `{"operations":[{"id":"1","type":"setTitle","title":"x","was":"Holidays 😀"},{"id":"2","type":"setTitle","title":""}]}`)
	check(p.Expect(200, "GET", list, ""), "")
	for body, pointer := range map[string]string{
		`{"title":1}`: "/title", `{}`: "", `{"title":"` + strings.Repeat("é", 201) + `"}`: "/title", `{"title":"a","was":{}}`: "/was",
	} {
		if got := p.Expect(400, "PATCH", list, body).Problem(t).Pointer; got != pointer {
			t.Errorf("%s: got the pointer %q, want %q", body, got, pointer)
		}
	}
}
