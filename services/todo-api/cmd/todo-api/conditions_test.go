package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// writeBodies are valid bodies of all writes of the contract, for a list at
// revision 3 or later.
var writeBodies = map[string]string{
	"put /api/state/{name}":               `[]`,
	"post /api/lists/{name}/todos":        `{"title":"new"}`,
	"patch /api/lists/{name}":             `{"title":"new"}`,
	"patch /api/lists/{name}/todos":       `{"completed":true}`,
	"delete /api/lists/{name}/todos":      ``,
	"patch /api/lists/{name}/todos/{id}":  `{"title":"new"}`,
	"delete /api/lists/{name}/todos/{id}": ``,
	"delete /api/lists/{name}":            "",
	"post /api/lists/{name}/batch":        `{"operations":[{"id":"o","type":"clear"},{"id":"p","type":"create","todo":{"title":"new"}}]}`,
	"post /api/lists/{name}/restore":      `{"revision":2}`,
}

// Every write of the contract checks all lines of its conditions and its query, and
// changes nothing if they do not hold. Every read of a list checks its conditions.
func TestEveryRouteHonoursConditions(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	item := p.Create("l", "kept")
	p.Create("l", "gone")
	p.Expect(200, "PUT", "/api/state/l", `[{"id":1,"title":"kept","completed":false}]`)
	history := p.Expect(200, "GET", "/api/lists/l/history", "")
	before, tag := string(history.Body), history.Header.Get("ETag")
	send := func(method, path, body string, lines ...string) *http.Response {
		req, err := http.NewRequest(strings.ToUpper(method), p.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		for i := 0; i < len(lines); i += 2 {
			req.Header.Add(lines[i], lines[i+1])
		}
		resp, err := p.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	writes := 0
	for _, at := range contracttest.Load().Paths {
		path := at.Template
		for method := range at.Operations {
			if method == "parameters" {
				continue
			}
			target := strings.NewReplacer("{name}", "l", "{id}", item.ID).Replace(path)
			if method == "get" && strings.Contains(path, "{name}") && !strings.HasSuffix(path, "/events") {
				for condition, status := range map[string]int{`"999"`: 412, "W/" + tag: 412, tag: 200, "*": 200} {
					if got := send(method, target, "", "If-Match", condition).StatusCode; got != status {
						t.Errorf("%s %s with If-Match: %s: got %d, want %d", method, path, condition, got, status)
					}
				}
				if got := send(method, target, "", "If-Match", `"999"`, "If-None-Match", tag).StatusCode; got != 412 {
					t.Errorf("%s %s with both conditions: got %d, want 412", method, path, got)
				}
			}
			if method == "get" {
				continue
			}
			for _, query := range []string{"?complete=true", "?Completed=true", "?x"} {
				if got := send(method, target+query, writeBodies[method+" "+path]).StatusCode; got != 400 {
					t.Errorf("%s %s%s: got %d, want 400", method, path, query, got)
				}
			}
			writes++
			key := method + " " + path
			body, ok := writeBodies[key]
			if !ok {
				t.Errorf("%s: this test has no body for it", key)
				continue
			}
			for name, test := range map[string]struct {
				status int
				lines  []string
			}{
				"another revision":    {412, []string{"If-Match", `"999"`}},
				"another incarnation": {412, []string{"If-Match", `"3-0123456789"`}},
				"the second line":     {412, []string{"If-None-Match", `"998"`, "If-None-Match", tag}},
				"a list":              {412, []string{"If-None-Match", `"998" , ,` + tag}},
				"a weak tag":          {412, []string{"If-None-Match", "W/" + tag}},
				"a weak tag to match": {412, []string{"If-Match", "W/" + tag}},
				"any":                 {412, []string{"If-None-Match", "*"}},
				"no tag":              {400, []string{"If-None-Match", "3"}},
				"nothing":             {400, []string{"If-Match", ""}},
				"an open tag":         {400, []string{"If-Match", `"3`}},
				"no comma":            {400, []string{"If-Match", `"3" "4"`}},
				"any and a tag":       {400, []string{"If-Match", `*, "3"`}},
				"an empty key":        {400, []string{"Idempotency-Key", ""}},
				"two keys":            {400, []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}},
			} {
				if got := send(method, target, body, test.lines...).StatusCode; got != test.status {
					t.Errorf("%s with %s: got %d, want %d", key, name, got, test.status)
				}
			}
		}
	}
	if writes != len(writeBodies) {
		t.Errorf("the contract has %d writes, this test %d", writes, len(writeBodies))
	}
	if after := string(p.Expect(200, "GET", "/api/lists/l/history", "").Body); after != before {
		t.Errorf("refused writes changed the list: %s, was %s", after, before)
	}
	p.Expect(200, "POST", "/api/lists/l/batch", writeBodies["post /api/lists/{name}/batch"], "If-Match", `"999", `+tag)
	if got := contracttest.Titles(p.Todos("l")); got != "new" {
		t.Errorf("a batch at its revision: got %s, want both operations", got)
	}
}
