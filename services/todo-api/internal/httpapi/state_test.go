package httpapi

import (
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

func TestStateKeepsWhatItDoesNotShow(t *testing.T) {
	p := serve(t, nil)
	a, b := p.Create("l", "a"), p.Create("l", "b")
	p.Expect(200, "PATCH", "/api/lists/l/todos/"+b.ID, `{"order":-5}`)
	state := string(p.Expect(200, "GET", "/api/state/l", "").Body)
	if want := `[{"id":2,"title":"b","completed":false},{"id":1,"title":"a","completed":false}]`; state != want {
		t.Fatalf("state: got %s, want %s", state, want)
	}
	before := p.Todos("l")
	tag := p.Send("GET", "/api/state/l", "").Header.Get("ETag")
	if got := p.Expect(200, "PUT", "/api/state/l", state).Header.Get("ETag"); got != tag {
		t.Errorf("echo: ETag: got %s, want %s as before", got, tag)
	}
	// One title edited, one item appended, the other item completed.
	p.Expect(200, "PUT", "/api/state/l",
		`[{"id":2,"title":"b!","completed":false},{"id":1,"title":"a","completed":true},{"id":3,"title":"c","completed":false,"editing":{"x":[1]}}]`)
	after := p.Todos("l")
	if contracttest.Titles(after) != "b!,a,c" || after[0].ID != b.ID || after[1].ID != a.ID || after[0].Order != before[0].Order || !after[1].Completed {
		t.Errorf("got %+v, want b!, a and c with the ids and orders of %+v", after, before)
	}
	// Another order.
	p.Expect(200, "PUT", "/api/state/l",
		`[{"id":3,"title":"c","completed":false},{"id":2,"title":"b!","completed":false},{"id":1,"title":"a","completed":true}]`)
	if got := p.Todos("l"); contracttest.Titles(got) != "c,b!,a" || got[2].ID != a.ID {
		t.Errorf("sorted: got %+v", got)
	}
}

// The page of v1 numbers items by their count, so ids repeat.
func TestStateWithRepeatedIDs(t *testing.T) {
	p := serve(t, nil)
	p.Expect(200, "PUT", "/api/state/l", `[{"id":1,"title":"a","completed":false},{"id":2,"title":"b","completed":false},{"id":3,"title":"c","completed":false}]`)
	first := p.Todos("l")
	p.Expect(200, "PUT", "/api/state/l", `[{"id":1,"title":"a","completed":false},{"id":3,"title":"c","completed":false}]`)
	p.Expect(200, "PUT", "/api/state/l", `[{"id":1,"title":"a","completed":false},{"id":3,"title":"c","completed":false},{"id":3,"title":"new","completed":false}]`)
	got := p.Todos("l")
	if contracttest.Titles(got) != "a,c,new" || got[1].ID != first[2].ID || got[2].ID == first[2].ID {
		t.Errorf("got %+v, want a, c of %+v and a new one", got, first)
	}
	// The first of the two is deleted: the second keeps its UID.
	p.Expect(200, "PUT", "/api/state/l", `[{"id":3,"title":"new","completed":false}]`)
	if left := p.Todos("l"); len(left) != 1 || left[0].ID != got[2].ID {
		t.Errorf("got %+v, want only %+v", left, got[2])
	}
}
