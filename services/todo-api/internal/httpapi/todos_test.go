package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// A change contains the state that the client last read, so that it neither
// overwrites another client's change nor affects items that the client has not
// read.
func TestChangesOfWhatWasShown(t *testing.T) {
	a := serve(t, nil)
	const todos = "/api/lists/l/todos"
	item, other := a.Create("l", "shown"), a.Create("l", "other")
	a.Expect(200, "PATCH", todos+"/"+item.ID, `{"title":"theirs","was":{"title":"shown"}}`)
	a.Expect(200, "PATCH", todos+"/"+item.ID, `{"title":"theirs","was":{"title":"shown"}}`)
	type conflict struct {
		Code   string
		Status int
		Todo   contracttest.Todo
	}
	var got conflict
	a.Expect(409, "PATCH", todos+"/"+item.ID, `{"title":"mine","was":{"title":"shown","completed":false}}`).Into(t, &got)
	if got.Code != "changed-meanwhile" || got.Todo.Title != "theirs" || got.Todo.URL != item.URL {
		t.Errorf("got %+v, want the item as it is", got)
	}
	a.Expect(200, "POST", "/api/lists/l/batch", `{"operations":[{"id":"t1","type":"setTitle","title":"theirs","was":""}]}`)
	var title struct {
		Results []struct{ Problem struct{ Detail string } }
	}
	a.Expect(200, "POST", "/api/lists/l/batch", `{"operations":[{"id":"t2","type":"setTitle","title":"mine","was":""}]}`).Into(t, &title)
	if got := title.Results[0].Problem.Detail; !strings.HasPrefix(got, "The list's title is neither") {
		t.Errorf("got %q, want a sentence about the list's title", got)
	}
	var batch struct {
		Results []struct {
			Status  int
			Problem *conflict
		}
	}
	a.Expect(200, "POST", "/api/lists/l/batch", `{"operations":[
		{"id":"1","type":"update","todoId":"`+item.ID+`","change":{"title":"mine"},"was":{"title":"shown"}},
		{"id":"2","type":"completeAll","completed":true,"ids":["`+item.ID+`","unknown"]},
		{"id":"3","type":"completeAll","completed":true,"ids":[]}]}`).Into(t, &batch)
	if r := batch.Results; r[0].Status != 409 || r[0].Problem.Todo.Title != "theirs" || r[1].Status != 200 || r[2].Status != 200 {
		t.Errorf("got %+v, want the first operation alone refused", batch)
	}
	a.Expect(200, "PATCH", todos, `{"completed":true,"ids":["`+other.ID+`"]}`)
	a.Expect(200, "POST", "/api/lists/l/batch", `{"operations":[{"id":"4","type":"clearCompleted","ids":["`+other.ID+`"]}]}`)
	if got := contracttest.Titles(a.Todos("l")); got != "theirs" {
		t.Errorf("got %s, want the item that was not named to stay", got)
	}
	for body, pointer := range map[string]string{
		`{"was":{"title":"a"}}`:            "",
		`{"title":"b","was":{"title":1}}`:  "/was/title",
		`{"title":"b","was":{"order":1}}`:  "/was/order",
		`{"completed":true,"ids":["a b"]}`: "/ids/0",
		`{"completed":true,"ids":{}}`:      "/ids",
	} {
		path := todos + "/" + item.ID
		if strings.HasPrefix(pointer, "/ids") {
			path = todos
		}
		if got := a.Expect(400, "PATCH", path, body).Problem(t).Pointer; got != pointer {
			t.Errorf("%s: got the pointer %q, want %q", body, got, pointer)
		}
	}
}

// A create that is repeated long after it was forgotten makes no second item.
func TestCreateIsRepeatedBeyondMemory(t *testing.T) {
	p := serve(t, nil)
	const todos = "/api/lists/l/todos"
	var byKey contracttest.Todo
	p.Expect(201, "POST", todos, `{"title":"by key"}`, "Idempotency-Key", "k").Into(t, &byKey)
	p.Expect(201, "POST", todos, `{"id":"mine","title":"by id"}`)
	p.Expect(200, "POST", todos, `{"id":"mine","title":" by id "}`)
	p.Expect(409, "POST", todos, `{"id":"mine","title":"another"}`)
	p.Expect(409, "POST", todos, `{"id":"mine","title":"by id","order":77}`)
	// More results than the list remembers.
	for round := range 2 {
		var operations []string
		for i := range 200 {
			operations = append(operations, fmt.Sprintf(`{"id":"%d-%d","type":"update","todoId":"mine","change":{"order":%d}}`, round, i, 1000*round+i+10))
		}
		p.Expect(200, "POST", "/api/lists/l/batch", `{"operations":[`+strings.Join(operations, ",")+`]}`)
	}
	var again contracttest.Todo
	a := p.Expect(201, "POST", todos, `{"title":"by key"}`, "Idempotency-Key", "k")
	if a.Into(t, &again); again != byKey {
		t.Errorf("forgotten result: got %+v, want %+v", again, byKey)
	}
	p.Expect(204, "DELETE", todos+"/"+byKey.ID, "")
	p.Expect(404, "POST", todos, `{"title":"by key"}`, "Idempotency-Key", "k")
	if got := len(p.Todos("l")); got != 1 {
		t.Errorf("got %d items, want 1", got)
	}
}

func TestLimits(t *testing.T) {
	p := serve(t, nil)
	item := func(i int) string { return fmt.Sprintf(`{"id":%d,"title":"t","completed":false}`, i) }
	items := make([]string, 5000)
	for i := range items {
		items[i] = item(i)
	}
	p.Expect(200, "PUT", "/api/state/full", "["+strings.Join(items, ",")+"]")
	p.Expect(409, "POST", "/api/lists/full/todos", `{"title":"one more"}`)
	a := p.Expect(400, "PUT", "/api/state/full", "["+strings.Join(append(items, item(1)), ",")+"]")
	if got := a.Problem(t).Pointer; got != "/5000" {
		t.Errorf("pointer: got %q, want /5000", got)
	}
	if got := len(p.Todos("full")); got != 5000 {
		t.Errorf("got %d items, want 5000", got)
	}
	for length, status := range map[int]int{2000: 201, 2001: 400} {
		p.Expect(status, "POST", "/api/lists/l/todos", fmt.Sprintf(`{"title":" %s "}`, strings.Repeat("é", length)))
		p.Expect(map[int]int{201: 200, 400: 400}[status], "PUT", "/api/state/s",
			fmt.Sprintf(`[{"id":1,"title":"  %s  ","completed":false}]`, strings.Repeat("😀", length)))
	}
	// A list that can be read whole can be saved whole.
	title := strings.Repeat("y", 2000)
	items = items[:0]
	for i := range 510 {
		items = append(items, fmt.Sprintf(`{"id":%d,"title":%q,"completed":false}`, i, title))
	}
	p.Expect(200, "PUT", "/api/state/big", "["+strings.Join(items, ",")+"]")
	statuses := make(map[int]int)
	for range 10 {
		statuses[p.Send("POST", "/api/lists/big/todos", `{"title":"`+title+`"}`).StatusCode]++
	}
	if statuses[409] == 0 || statuses[201] == 0 || statuses[201]+statuses[409] != 10 {
		t.Errorf("got %v, want 201 and then 409", statuses)
	}
	state := p.Expect(200, "GET", "/api/state/big", "").Body
	p.Expect(200, "PUT", "/api/state/big", string(state))
	p.Expect(413, "PUT", "/api/state/big", string(state)+strings.Repeat(" ", 1<<20))
}
