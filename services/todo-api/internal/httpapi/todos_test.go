package httpapi

import (
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
