package lists

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newService(t testing.TB, store storage.Store) *Service {
	t.Helper()
	s := New(store, Options{})
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// stored returns a store with the files of testdata/dir.
func stored(t *testing.T, dir string) storage.Store {
	t.Helper()
	store := memstore.New()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata/%s: %d files, %v", dir, len(files), err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(t.Context(), strings.TrimSuffix(filepath.Base(file), ".json"), body); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func titles(l todo.List) string {
	var out []string
	for _, it := range l.Sorted() {
		out = append(out, it.Title)
	}
	return strings.Join(out, ",")
}

// The program of commit a9e2b5f wrote these documents, with HTTP statuses in
// the stored results.
func TestReadsDocumentsOfA9e2b5f(t *testing.T) {
	s := newService(t, stored(t, "a9e2b5f"))
	for name, want := range map[todo.Name]struct {
		titles  string
		history string // kinds, oldest first
	}{
		"used":     {"brown bread,milk", "clearCompleted,delete"},
		"replaced": {" a ,b", "replace,replace"},
		"emptied":  {"", "clear"},
	} {
		snap, err := s.Read(t.Context(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := titles(snap.Doc.List()); got != want.titles {
			t.Errorf("%s: got %q, want %q", name, got, want.titles)
		}
		var kinds []string
		for _, r := range s.History(snap) {
			kinds = append(kinds, r.Kind)
		}
		if got := strings.Join(kinds, ","); got != want.history {
			t.Errorf("%s: history: got %s, want %s", name, got, want.history)
		}
	}

	renamed := "brown bread"
	order := 0.5
	for name, test := range map[string]struct {
		write   Write
		title   string
		created bool
	}{
		"a create": {Write{Key: "create-milk", Op: todo.Create{UID: "milk-1", Title: "milk"}}, "milk", true},
		"an update": {Write{Key: "rename-bread", Op: todo.Update{
			UID: "bread-1", Change: todo.Change{Title: &renamed, Order: &order},
		}}, "brown bread", false},
		"a clear":  {Write{Key: "clear-done", Op: todo.ClearCompleted{}}, "", false},
		"a delete": {Write{Key: "delete-eggs", Op: todo.Delete{UID: "eggs-1"}}, "", false},
	} {
		r, err := s.Apply(t.Context(), "used", Conditions{}, test.write)
		if err != nil || !r.Replayed || r.Item.Title != test.title || r.Created != test.created {
			t.Errorf("%s is repeated: got %+v, %v", name, r, err)
		}
	}

	// The first write upgrades the document and keeps its content.
	if _, err := s.Apply(t.Context(), "used", Conditions{}, Write{Op: todo.Restore{Revision: 5}}); err != nil {
		t.Fatal(err)
	}
	again := newService(t, s.store)
	snap, err := again.Read(t.Context(), "used")
	if err != nil || titles(snap.Doc.List()) != "brown bread,milk,to be cleared" {
		t.Errorf("after the upgrade: got %q, %v", titles(snap.Doc.List()), err)
	}
}

// The programs of commits a225378 and 51b7d8e wrote these documents, in format 1
// without a checksum and in format 2, both with the removals beside the list. The
// first write upgrades them; from then on, flipped bits are detected.
func TestUpgradesEarlierFormats(t *testing.T) {
	for dir, key := range map[string]string{"a225378": "rename-bread", "51b7d8e": "restore-eggs"} {
		store := stored(t, dir)
		s := newService(t, store)
		before, err := s.Read(t.Context(), "used")
		if err != nil {
			t.Fatal(err)
		}
		renamed := "brown bread"
		update := Write{Key: key, Op: todo.Update{UID: "bread-1", Change: todo.Change{Title: &renamed}}}
		if key == "restore-eggs" {
			update.Op = todo.Restore{Revision: 5}
		}
		r, err := s.Apply(t.Context(), "used", Conditions{}, update)
		if err != nil || !r.Replayed {
			t.Errorf("%s: an operation is repeated: got %+v, %v", dir, r, err)
		}
		if _, err := s.Apply(t.Context(), "used", Conditions{}, Write{Op: todo.Create{Title: "more"}}); err != nil {
			t.Fatal(err)
		}
		doc, err := store.Get(t.Context(), "used")
		if err != nil || !strings.HasPrefix(string(doc.Body), `{"v":3,"crc":"`) {
			t.Fatalf("%s: after the first write: got %.20s, %v, want format 3", dir, doc.Body, err)
		}
		again := newService(t, store)
		r, err = again.Apply(t.Context(), "used", Conditions{}, update)
		if want := titles(before.Doc.List()) + ",more"; err != nil || !r.Replayed || titles(r.Snapshot.Doc.List()) != want || r.Snapshot.Doc.List().Title != before.Doc.List().Title {
			t.Errorf("%s: after the upgrade: got %+v, %v, want %s", dir, r, err, want)
		}
		if got, want := again.History(r.Snapshot), s.History(before); len(want) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: history after the upgrade: got %+v, want %+v", dir, got, want)
		}
		everyFlippedBitIsDamage(t, doc.Body)
	}
}

func everyFlippedBitIsDamage(t *testing.T, body []byte) {
	t.Helper()
	flipped := memstore.New()
	for i := range body {
		body[i] ^= 1 << (i % 8)
		if _, err := flipped.Create(t.Context(), strconv.Itoa(i), body); err != nil {
			t.Fatal(err)
		}
		body[i] ^= 1 << (i % 8)
	}
	damaged := New(flipped, Options{Ledger: ledger.Options[*Document]{Logger: slog.New(slog.DiscardHandler)}})
	for i := range body {
		if _, err := damaged.Read(t.Context(), todo.Name(strconv.Itoa(i))); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("a flipped bit in byte %d: got %v, want ErrDamaged", i, err)
		}
	}
	if err := damaged.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Removed items that the program of commit 51b7d8e kept can be restored.
func TestReadsRemovalsOf51b7d8e(t *testing.T) {
	for name, want := range map[todo.Name]struct {
		history  string // revisions and kinds, oldest first
		restore  uint64
		restored string
	}{
		"used":     {"5 delete,7 clearCompleted", 7, "brown bread,milk,eggs, “free range”,tea"},
		"untitled": {"3 delete,3 clear", 3, "a,b"}, // one commit
		"plain":    {"", 0, ""},
		"many":     {"", 80, "x"},
		"large":    {"4 clear", 4, strings.TrimSuffix(strings.Repeat(strings.Repeat("long ", 190)+",", 20), ",")},
	} {
		s := newService(t, stored(t, "51b7d8e"))
		snap, err := s.Read(t.Context(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var history []string
		for _, r := range s.History(snap) {
			history = append(history, fmt.Sprint(r.Revision, " ", r.Kind))
		}
		if name == "many" {
			if len(history) != todo.MaxRemovals {
				t.Errorf("%s: got %d removals, want %d", name, len(history), todo.MaxRemovals)
			}
		} else if got := strings.Join(history, ","); got != want.history {
			t.Errorf("%s: got %s, want %s", name, got, want.history)
		}
		if want.restore == 0 {
			continue
		}
		r, err := s.Apply(t.Context(), name, Conditions{}, Write{Op: todo.Restore{Revision: want.restore}})
		if got := titles(r.Snapshot.Doc.List()); err != nil || got != want.restored {
			t.Errorf("%s: restored: got %q, %v, want %q", name, got, err, want.restored)
		}
	}
}

func TestRepetition(t *testing.T) {
	s := newService(t, memstore.New())
	create := Write{Key: "k", Op: todo.Create{Title: "a"}}
	first, err := s.Apply(t.Context(), "l", Conditions{}, create)
	if err != nil || !first.Created || first.Replayed {
		t.Fatalf("got %+v, %v", first, err)
	}
	second, err := s.Apply(t.Context(), "l", Conditions{}, create)
	if err != nil || !second.Created || !second.Replayed || second.Item != first.Item || second.Number != first.Number {
		t.Errorf("repeated: got %+v, %v, want what came first: %+v", second, err, first)
	}
	_, err = s.Apply(t.Context(), "l", Conditions{}, Write{Key: "k", Op: todo.Create{Title: "b"}})
	if !errors.Is(err, ledger.ErrIDReused) {
		t.Errorf("another write of that key: got %v, want %v", err, ledger.ErrIDReused)
	}
	existed, err := s.Apply(t.Context(), "l", Conditions{}, Write{Op: todo.Create{UID: first.Item.UID, Title: "a"}})
	if err != nil || existed.Created || existed.Item != first.Item {
		t.Errorf("the same item: got %+v, %v", existed, err)
	}
}

func TestRestoreIsAnOperation(t *testing.T) {
	s := newService(t, memstore.New())
	one := "one"
	if _, err := s.Apply(t.Context(), "l", Conditions{}, Write{Op: todo.Replace{Entries: []todo.Entry{{ID: 1, Title: one}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), "l", Conditions{}, Write{Op: todo.Replace{Entries: []todo.Entry{{ID: 1, Title: "two"}}}}); err != nil {
		t.Fatal(err)
	}
	r, err := s.Apply(t.Context(), "l", Conditions{}, Write{Op: todo.Restore{Revision: 2}})
	if err != nil || titles(r.Snapshot.Doc.List()) != one {
		t.Fatalf("got %q, %v", titles(r.Snapshot.Doc.List()), err)
	}
	removed := s.History(r.Snapshot)
	if len(removed) != 2 || removed[1].Kind != "restore" || removed[1].Items[0].Title != "two" {
		t.Errorf("history: got %+v, want the restored title as a removal of kind restore", removed)
	}
	if _, err := s.Apply(t.Context(), "l", Conditions{}, Write{Op: todo.Restore{Revision: 9}}); !errors.Is(err, todo.ErrNoRevision) {
		t.Errorf("got %v, want %v", err, todo.ErrNoRevision)
	}
}

func TestConditions(t *testing.T) {
	s := newService(t, memstore.New())
	is := func(tags ...Revision) *Condition { return &Condition{Revisions: tags} }
	first, err := s.Apply(t.Context(), "l", Conditions{NoneMatch: &Condition{Any: true}}, Write{Op: todo.Create{Title: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		conditions Conditions
		holds      bool
	}{
		"match":             {Conditions{Match: is("x", first.Revision)}, true},
		"match any":         {Conditions{Match: &Condition{Any: true}}, true},
		"match another":     {Conditions{Match: is("x")}, false},
		"match nothing":     {Conditions{Match: is()}, false},
		"none match":        {Conditions{NoneMatch: is("x")}, true},
		"none match any":    {Conditions{NoneMatch: &Condition{Any: true}}, false},
		"none match its":    {Conditions{NoneMatch: is("x", first.Revision)}, false},
		"both, one refuses": {Conditions{Match: is(first.Revision), NoneMatch: is(first.Revision)}, false},
	} {
		_, err := s.Apply(t.Context(), "l", test.conditions, Write{Op: todo.SetTitle{}})
		var refused *ConditionError
		if got := !errors.As(err, &refused); got != test.holds {
			t.Errorf("%s: got %v, want that it holds: %t", name, err, test.holds)
		}
	}
}

// BenchmarkUpdate measures one update with a key of a list of 20 items, without
// the ledger and its store.
func BenchmarkUpdate(b *testing.B) {
	items := make([]todo.Item, 20)
	for i := range items {
		items[i] = todo.Item{UID: strings.Repeat("u", 20) + string(rune('a'+i)), ID: int64(i), Title: "buy some milk", Order: float64(i)}
	}
	titles := [2]string{"buy some bread", "buy some eggs"}
	state := ledger.State[*Document]{Doc: &Document{list: todo.NewList(items)}, Revision: 17, Exists: true}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o := newOperation("groceries", Write{Key: "0190b9a2-5a5d-7d4e-8f10-2f1f9c1b2a3d", Op: todo.Update{
			UID: items[7].UID, Change: todo.Change{Title: &titles[i%2]},
		}})
		o.gate = new(gate)
		change, err := o.ledgerOp(b.Context()).Apply(state)
		if err != nil {
			b.Fatal(err)
		}
		receipt := ledger.Receipt[*Document]{Revision: 18, Result: change.Result}
		receipt.Snapshot.Doc, receipt.Snapshot.Exists = change.Doc, true
		if _, err := o.result(&receipt); err != nil {
			b.Fatal(err)
		}
	}
}

// The key of a write that changed nothing is remembered like any other: repeating
// the write later must still change nothing.
func TestKeyOfAWriteThatChangedNothing(t *testing.T) {
	for _, op := range []todo.Op{todo.ClearCompleted{}, todo.CompleteAll{Completed: true}, todo.Clear{}} {
		s := newService(t, memstore.New())
		noop := Write{Key: "key", Op: op}
		if r, err := s.Apply(t.Context(), "l", Conditions{}, noop); err != nil || r.Replayed {
			t.Fatalf("%s: got %+v, %v", op.Kind(), r, err)
		}
		create := Write{Op: todo.Create{UID: "a", Title: "bread", Completed: op.Kind() != "completeAll"}}
		if _, err := s.Apply(t.Context(), "l", Conditions{}, create); err != nil {
			t.Fatal(err)
		}
		r, err := s.Apply(t.Context(), "l", Conditions{}, noop)
		if err != nil || !r.Replayed {
			t.Errorf("%s: got replayed %v, %v; want the repetition answered", op.Kind(), r.Replayed, err)
		}
		item, there := r.Snapshot.Doc.List().Find("a")
		if !there || item.Completed != (op.Kind() != "completeAll") {
			t.Errorf("%s: got %+v, %v; want the item as it was created", op.Kind(), item, there)
		}
	}
}
