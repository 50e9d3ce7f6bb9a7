package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// The program serves all operations of the contract with declared statuses. At its
// start, the server checks that it serves no other routes.
func TestContractIsServed(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	todo := p.Create("l", "x")
	bodies := map[string]string{
		"putState": "[]", "createTodo": `{"title":"x"}`, "completeAllTodos": `{"completed":true}`, "updateTodo": `{"completed":true}`,
		"applyBatch": `{"operations":[{"id":"1","type":"clear"}]}`, "restoreRevision": `{"revision":1}`,
	}
	for _, path := range contracttest.Load().Paths {
		target := strings.NewReplacer("{name}", "l", "{id}", todo.ID).Replace(path.Template)
		for method, operation := range path.Operations {
			if method == "parameters" {
				continue
			}
			id := operation.(map[string]any)["operationId"].(string)
			if id == "watchList" {
				p.watch("l").close()
				continue
			}
			a := p.Send(strings.ToUpper(method), target, bodies[id])
			if a.StatusCode == 405 || a.StatusCode == 404 && strings.Contains(string(a.Body), "no-such-route") {
				t.Errorf("%s %s: got %d %s", method, target, a.StatusCode, a.Body)
			}
			if !strings.Contains(p.log.String()+p.metrics(), id) {
				t.Errorf("%s %s was not answered as %s", method, target, id)
			}
		}
	}
	if a := p.Expect(200, "GET", "/api/openapi.yaml", ""); !strings.HasPrefix(string(a.Body), "openapi: 3.1.0\n") {
		t.Errorf("openapi.yaml: got %s", short(string(a.Body)))
	}
	docs := string(p.Expect(200, "GET", "/api/docs", "").Body)
	for _, path := range contracttest.Load().Paths {
		if !strings.Contains(docs, path.Template) {
			t.Errorf("docs: got no %s", path.Template)
		}
	}
	for _, declared := range []string{"operationId: getState", "maxLength: "} { // of an operation, of a schema
		if !strings.Contains(docs, declared) {
			t.Errorf("docs: got no %s", declared)
		}
	}
	for _, bad := range []string{"<script", "style=", "<style", "http://", "*problemContent"} {
		if strings.Contains(strings.ReplaceAll(docs, "http://localhost", ""), bad) {
			t.Errorf("docs: got %s, which the policy forbids or nobody should see", bad)
		}
	}
}

// The server accepts a body if the contract's schema allows it, and otherwise
// answers 400.
func TestBodiesAgreeWithContract(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_ACCESS_LOG=false")
	p.Expect(201, "POST", "/api/lists/l/todos", `{"title":"x","id":"x"}`)
	routes := []struct{ method, path, schema string }{
		{"PUT", "/api/state/s", "State"},
		{"POST", "/api/lists/l/todos", "NewTodo"},
		{"PATCH", "/api/lists/l/todos/x", "TodoChange"},
		{"PATCH", "/api/lists/l/todos", "CompleteAll"},
		{"POST", "/api/lists/b/batch", "Batch"},
		{"POST", "/api/lists/l/restore", "Restore"},
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	names := []string{"id", "title", "completed", "order", "operations", "type", "todo", "todoId", "change", "revision", "other"}
	words := []string{"create", "update", "delete", "completeAll", "clear", "clearCompleted", "restore", "a", "x y", "é", ""}
	var value func(depth int) any
	member := func(name string, depth int) any {
		if rnd.IntN(8) == 0 {
			return value(depth)
		}
		switch name {
		case "id", "todoId", "type":
			if rnd.IntN(3) == 0 && name == "id" {
				return rnd.IntN(5)
			}
			return words[rnd.IntN(len(words))]
		case "title":
			return words[rnd.IntN(len(words))]
		case "completed":
			return rnd.IntN(2) == 0
		case "order", "revision":
			return rnd.IntN(4) - 1
		case "operations":
			list := make([]any, rnd.IntN(3))
			for i := range list {
				list[i] = value(depth + 1)
			}
			return list
		default:
			return value(depth + 1)
		}
	}
	value = func(depth int) any {
		kinds := 9
		if depth >= 3 {
			kinds = 5 // the maximum depth
		}
		switch rnd.IntN(kinds) {
		case 0:
			return nil
		case 1:
			return rnd.IntN(2) == 0
		case 2:
			return []any{1, 1.5, -7, 9007199254740991, 9007199254740992.0, 1e300}[rnd.IntN(6)]
		case 3, 4:
			return words[rnd.IntN(len(words))]
		case 5:
			list := make([]any, rnd.IntN(3))
			for i := range list {
				list[i] = value(depth + 1)
			}
			return list
		default:
			object := make(map[string]any)
			for range rnd.IntN(5) {
				name := names[rnd.IntN(len(names))]
				object[name] = member(name, depth)
			}
			return object
		}
	}
	// Most bodies start from a valid one.
	shaped := func(schema string) any {
		object := func(names ...string) map[string]any {
			out := make(map[string]any)
			for _, name := range names {
				if rnd.IntN(8) > 0 {
					out[name] = member(name, 2)
				}
			}
			if rnd.IntN(8) == 0 {
				out[names[0]+"x"] = 1
			}
			return out
		}
		switch schema {
		case "State":
			list := make([]any, rnd.IntN(3))
			for i := range list {
				list[i] = object("id", "title", "completed", "other")
			}
			return list
		case "NewTodo":
			return object("title", "completed", "order", "id")
		case "TodoChange":
			return object("title", "completed", "order")
		case "CompleteAll":
			return object("completed")
		case "Restore":
			return object("revision")
		}
		operation := object("id", "type")
		switch operation["type"] {
		case "create":
			operation["todo"] = object("title", "id", "completed")
		case "update":
			operation["todoId"], operation["change"] = member("todoId", 2), object("title", "order")
		case "delete":
			operation["todoId"] = member("todoId", 2)
		case "completeAll":
			operation["completed"] = member("completed", 2)
		case "restore":
			operation["revision"] = member("revision", 2)
		}
		return map[string]any{"operations": []any{operation}}
	}
	taken, refused := make(map[string]int), make(map[string]int)
	for i := range 6000 {
		route := routes[i%len(routes)]
		v := value(0)
		if rnd.IntN(4) > 0 {
			v = shaped(route.schema)
		}
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		invalid := contracttest.Load().Validate("/components/schemas/"+route.schema, body)
		a := p.Send(route.method, route.path, string(body))
		switch {
		case a.StatusCode >= 500:
			t.Errorf("%s %s %s: got %d %s", route.method, route.path, body, a.StatusCode, a.Body)
		case (invalid != nil) != (a.StatusCode == 400):
			t.Errorf("%s %s %s: got %d %s, and of the contract: %v", route.method, route.path, body, a.StatusCode, a.Body, invalid)
		case invalid != nil:
			refused[route.schema]++
		default:
			taken[route.schema]++
		}
	}
	for _, route := range routes {
		if taken[route.schema] < 50 || refused[route.schema] < 50 {
			t.Errorf("%s: got %d taken and %d refused, want at least 50 of each", route.schema, taken[route.schema], refused[route.schema])
		}
	}
}

// The server accepts a name in the path if the contract's schema allows it.
func TestNamesAgreeWithContract(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_ACCESS_LOG=false")
	rnd := rand.New(rand.NewPCG(5, 6))
	alphabet := []rune("ab.-_~/\\ é\x00\x1f\x7f\u0085😀%+?#&")
	check := func(schema, name, path string) {
		t.Helper()
		if name == "" {
			return // another route
		}
		text, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		invalid := contracttest.Load().Validate("/components/schemas/"+schema, text)
		escaped := strings.ReplaceAll(url.PathEscape(name), ".", "%2E")
		if a := p.raw("GET", fmt.Sprintf(path, escaped), ""); (invalid != nil) != (a.StatusCode == 400) {
			t.Errorf("%s %q: got %d %s, and of the contract: %v", schema, name, a.StatusCode, a.Body, invalid)
		}
	}
	for range 600 {
		name := make([]rune, rnd.IntN(4))
		for i := range name {
			name[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		check("ListName", string(name), "/api/lists/%s/todos")
		check("TodoID", string(name), "/api/lists/l/todos/%s")
	}
	for _, n := range []int{64, 65, 127, 128, 129} {
		check("ListName", strings.Repeat("é", n), "/api/lists/%s/todos")
		check("TodoID", strings.Repeat("i", n), "/api/lists/l/todos/%s")
	}
}
