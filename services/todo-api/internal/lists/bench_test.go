package lists

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// BenchmarkApply measures one update of a list of 20 items in memory, without
// removed items and with the maximum of them.
func BenchmarkApply(b *testing.B) {
	for _, removals := range []int{0, 32} {
		b.Run(fmt.Sprint(removals, " removals"), func(b *testing.B) {
			s := newService(b, memstore.New())
			apply := func(op todo.Op) {
				b.Helper()
				if _, err := s.Apply(b.Context(), "groceries", Conditions{}, Write{Op: op}); err != nil {
					b.Fatal(err)
				}
			}
			for i := range 20 {
				apply(todo.Create{UID: fmt.Sprint("item-", i), Title: "buy some milk"})
			}
			for range removals {
				apply(todo.Create{UID: "removed", Title: strings.Repeat("x", 360)})
				apply(todo.Delete{UID: "removed"})
			}
			titles := [2]string{"buy some bread", "buy some eggs"}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				apply(todo.Update{UID: "item-7", Change: todo.Change{Title: &titles[i%2]}})
			}
		})
	}
}

// BenchmarkApplySizes measures one update of lists of 20 and 5,000 items.
func BenchmarkApplySizes(b *testing.B) {
	for _, items := range []int{20, 5000} {
		b.Run(fmt.Sprint(items, " items"), func(b *testing.B) {
			s := newService(b, memstore.New())
			writes := make([]Write, items)
			for i := range writes {
				writes[i] = Write{Op: todo.Create{UID: fmt.Sprint("item-", i), Title: "buy some milk"}}
			}
			for len(writes) > 0 {
				n := min(len(writes), 512)
				if _, errs := s.ApplyAll(b.Context(), "groceries", Conditions{}, writes[:n]); errs[0] != nil {
					b.Fatal(errs[0])
				}
				writes = writes[n:]
			}
			titles := [2]string{"buy some bread", "buy some eggs"}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Apply(b.Context(), "groceries", Conditions{}, Write{Op: todo.Update{UID: "item-7", Change: todo.Change{Title: &titles[i%2]}}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
