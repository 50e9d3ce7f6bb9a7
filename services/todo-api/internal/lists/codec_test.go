package lists

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// The codec decodes all that it encodes: the ledger relies on this (Codec.Exact)
// and does not decode documents before it writes them. The test applies all kinds
// of operations, with titles of all kinds of characters.
func TestCodecReadsWhatItWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"a", "é", "日", "\u2028", "\x00", "\x1f", "\x7f", "\"", "\\", "</", "\ufffd", "\U0001f35e", " ", "\n", "e\u0301", "\ufeff"}
	text := func(most int) string {
		var b strings.Builder
		for range 1 + rnd.IntN(most) {
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		return b.String()
	}
	uid := func() string { return fmt.Sprint("u-", rnd.IntN(12)) }
	for range 40 {
		s := newService(t, memstore.New())
		applied := 0
		for range 60 {
			title, done, order := text(20), rnd.IntN(2) == 0, rnd.NormFloat64()*1e6
			listTitle := text(20)
			op := []todo.Op{
				todo.Create{UID: uid(), Title: title},
				todo.Create{UID: uid(), Title: strings.Repeat("x", 2000), Completed: true, Order: &order},
				todo.Update{UID: uid(), Change: todo.Change{Title: &title, Completed: &done, Order: &order}},
				todo.Delete{UID: uid()},
				todo.CompleteAll{Completed: done},
				todo.ClearCompleted{},
				todo.Clear{},
				todo.SetTitle{Title: listTitle},
				todo.Replace{Entries: []todo.Entry{{ID: rnd.Int64N(1<<54) - 1<<53, Title: text(9), Completed: done}, {ID: 0, Title: ""}}},
				todo.Restore{Revision: rnd.Uint64N(60)},
			}[min(rnd.IntN(14), 9)]
			result, err := s.Apply(t.Context(), "l", Conditions{}, Write{Op: op})
			if err != nil {
				continue // some operations must be refused
			}
			applied++
			want := result.Snapshot.Doc.List()
			stored, err := codec.Append(nil, result.Snapshot.Doc)
			if err != nil {
				t.Fatal(err)
			}
			got, err := codec.Decode(stored)
			if err != nil {
				t.Fatalf("after %#v: %v in %s", op, err, stored)
			}
			again, _ := codec.Append(nil, got)
			if string(again) != string(stored) || len(want.Items) > 0 && !reflect.DeepEqual(got.List().Items, want.Items) {
				t.Fatalf("after %#v: got %s, want %s", op, again, stored)
			}
		}
		if applied < 20 {
			t.Errorf("%d of 60 operations were applied, want most", applied)
		}
	}
}
