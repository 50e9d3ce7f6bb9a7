package main

import (
	"strings"
	"testing"
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
		if a.into(t, &got); got.Title != want {
			t.Errorf("got the title %q, want %q", got.Title, want)
		}
	}
	check(p.expect(200, "GET", list, ""), "")
	item := p.create("l", "a")
	check(p.expect(200, "PATCH", list, `{"title":" Holidays 😀 "}`), "Holidays 😀")
	check(p.expect(200, "PATCH", list, `{"title":"Holidays 😀","was":"old"}`), "Holidays 😀")
	p.expect(409, "PATCH", list, `{"title":"mine","was":"old"}`)
	p.expect(204, "DELETE", list+"/todos/"+item.ID, "")
	p.expect(200, "POST", list+"/restore", `{"revision":3}`)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p = start(t, dir)
	var got whole
	if p.expect(200, "GET", list, "").into(t, &got); got.Title != "Holidays 😀" || titles(got.Todos) != "a" {
		t.Errorf("after a restart: got %+v", got)
	}
	p.expect(200, "POST", list+"/batch", `{"operations":[{"id":"1","type":"setTitle","title":"x","was":"Holidays 😀"},{"id":"2","type":"setTitle","title":""}]}`)
	check(p.expect(200, "GET", list, ""), "")
	for body, pointer := range map[string]string{
		`{"title":1}`: "/title", `{}`: "", `{"title":"` + strings.Repeat("é", 201) + `"}`: "/title", `{"title":"a","was":{}}`: "/was",
	} {
		if got := p.expect(400, "PATCH", list, body).problem(t).Pointer; got != pointer {
			t.Errorf("%s: got the pointer %q, want %q", body, got, pointer)
		}
	}
}
