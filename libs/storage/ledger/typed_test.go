package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// emptyChange checks that a change that says nothing erases nothing.
func emptyChange[T any](t *testing.T, doc T) {
	t.Run(fmt.Sprintf("%T", doc), func(t *testing.T) {
		l := open(t, memstore.New(), ledger.Options[T]{Logger: quietly})
		update := func(c ledger.Change[T]) (ledger.Receipt[T], error) {
			return l.Update(t.Context(), "k", ledger.Op[T]{Apply: func(ledger.State[T]) (ledger.Change[T], error) { return c, nil }})
		}
		var zero T
		first, err := update(ledger.Set(doc))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]ledger.Change[T]{
			"zero":        {},
			"with result": {Result: []byte("r")},
		} {
			if _, err := update(c); !errors.Is(err, ledger.ErrNoDocument) {
				t.Errorf("%s: got %v, want ErrNoDocument", name, err)
			}
		}
		kept, err := update(ledger.Keep[T]())
		if err != nil || !kept.Unchanged || kept.Snapshot.Tag() != first.Tag {
			t.Errorf("kept: got %+v, %v, want the document as it was", kept, err)
		}
		set, err := update(ledger.Set(zero))
		if err != nil || set.Revision != 2 || set.Unchanged {
			t.Errorf("set to the zero value: got %+v, %v", set, err)
		}
		if _, err := update(ledger.Change[T]{}); err != nil {
			t.Errorf("a zero change of a zero document: %v", err)
		}
	})
}

func TestEmptyChangeErasesNothing(t *testing.T) {
	emptyChange(t, 7)
	emptyChange(t, "text")
	emptyChange(t, []string{"a"})
	emptyChange(t, map[string]int{"a": 1})
	emptyChange(t, struct{ Count int }{3})
	emptyChange(t, &struct{ Count int }{3})
}

func TestDo(t *testing.T) {
	l := open(t, newShared(), ledger.Options[int]{})
	for want := 1; want <= 3; want++ {
		if got, err := ledger.Do(t.Context(), l, "k", func(n int) (int, error) { return n + 1, nil }); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	if got, err := ledger.Do(t.Context(), l, "k", func(int) (int, error) { return 0, nil }); err != nil || got != 0 {
		t.Errorf("back to zero: got %d, %v", got, err)
	}
	if _, err := ledger.Do(t.Context(), l, "k", func(int) (int, error) { return 9, errExists }); err != errExists { //nolint:errorlint // as it is
		t.Errorf("refused: got %v", err)
	}
}

func TestCall(t *testing.T) {
	type ticket struct{ Number int }
	l := open(t, newShared(), ledger.Options[int]{Logger: quietly, ResultBytes: 400})
	draw := func(id string) (ticket, ledger.Receipt[int], error) {
		return ledger.Call(t.Context(), l, "k", ledger.Op[int]{ID: id}, func(s ledger.State[int]) (ledger.Change[int], ticket, error) {
			return ledger.Set(s.Doc + 1), ticket{s.Doc + 1}, nil
		})
	}
	for range 2 {
		if got, _, err := draw("first"); err != nil || got.Number != 1 {
			t.Errorf("first: got %+v, %v, want number 1", got, err)
		}
	}
	for i := range 40 {
		if _, _, err := draw(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, r, err := draw("first"); !errors.Is(err, ledger.ErrResultForgotten) || !r.Replayed {
		t.Errorf("first, when its result is forgotten: got %+v, %v", r, err)
	}
	if _, _, err := ledger.Call(t.Context(), l, "k", ledger.Op[int]{}, func(s ledger.State[int]) (ledger.Change[int], chan int, error) {
		return ledger.Keep[int](), make(chan int), nil
	}); err == nil || !strings.Contains(err.Error(), "encoding the result") {
		t.Errorf("a result that is no JSON: got %v", err)
	}
}

// A result larger than a quarter of ResultBytes is not kept, and pushes no other
// result out.
func TestLargeResults(t *testing.T) {
	l := open(t, newShared(), ledger.Options[int]{ResultBytes: 400})
	for _, c := range []struct {
		id        string
		bytes     int
		forgotten bool
	}{{"quarter", 100, false}, {"larger", 101, true}, {"small", 1, false}} {
		want := bytes.Repeat([]byte("r"), c.bytes)
		op := ledger.Op[int]{ID: c.id, Apply: func(s ledger.State[int]) (ledger.Change[int], error) {
			return ledger.Change[int]{Doc: s.Doc + 1, Result: want}, nil
		}}
		for _, replayed := range []bool{false, true} {
			r, err := l.Update(t.Context(), "k", op)
			if replayed && c.forgotten {
				want = nil
			}
			if err != nil || r.Replayed != replayed || !bytes.Equal(r.Result, want) || r.ResultForgotten != (replayed && c.forgotten) {
				t.Errorf("%s, replayed = %t: got %+v and %v, want %d bytes", c.id, replayed, r, err, len(want))
			}
		}
	}
	r, err := l.Update(t.Context(), "k", ledger.Op[int]{ID: "quarter", Apply: add(1)})
	if err != nil || len(r.Result) != 100 || r.Snapshot.Doc != 3 {
		t.Errorf("quarter, after the larger one: got %+v and %v, want its result", r, err)
	}
}

func TestKeys(t *testing.T) {
	l := open(t, memstore.New(), ledger.Options[int]{})
	for _, key := range []string{"b", "a", "c"} {
		increment(t, l, key)
	}
	var keys []string
	for key, err := range l.Keys(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if keys = append(keys, key); key == "b" {
			if err := l.Forget(t.Context(), key, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := strings.Join(keys, ""); got != "abc" {
		t.Errorf("got %s, want abc", got)
	}
	unlisted := open(t, struct{ storage.Store }{memstore.New()}, ledger.Options[int]{})
	for _, err := range unlisted.Keys(t.Context()) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a store that cannot list: got %v", err)
		}
	}
}

// Ten lines: a counter that any number of processes share.
func ExampleDo() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	visitors := ledger.New(memstore.New(), ledger.Options[int]{}) // or s3store, diskstore, ...
	defer visitors.Close(ctx)
	n, err := ledger.Do(ctx, visitors, "visitors", func(n int) (int, error) { return n + 1, nil })
	fmt.Println(n, err)
	// Output: 1 <nil>
}

// Retention: forget old documents.
func ExampleLedger_Keys() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	sessions := ledger.New(memstore.New(), ledger.Options[time.Time]{})
	defer sessions.Close(ctx)
	now := time.Now()
	for key, seen := range map[string]time.Time{"old": now.AddDate(0, -2, 0), "new": now} {
		if _, err := ledger.Do(ctx, sessions, key, func(time.Time) (time.Time, error) { return seen, nil }); err != nil {
			fmt.Println(err)
		}
	}
	errRecent := errors.New("in use")
	for key, err := range sessions.Keys(ctx) {
		if err != nil {
			fmt.Println(err)
			break
		}
		err = sessions.Forget(ctx, key, func(s ledger.Snapshot[time.Time]) error {
			if s.Doc.After(now.AddDate(0, -1, 0)) {
				return errRecent
			}
			return nil
		})
		fmt.Println(key, err)
	}
	// Output:
	// new in use
	// old <nil>
}
