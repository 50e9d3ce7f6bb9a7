package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// shared hides that a memstore has one owner, as if other processes wrote.
type shared struct {
	storage.Store
	storage.ConditionalGetter
}

func newShared() shared {
	s := memstore.New()
	return shared{s, s}
}

func add(n int) func(ledger.State[int]) (ledger.Change[int], error) {
	return func(s ledger.State[int]) (ledger.Change[int], error) {
		return ledger.Change[int]{Doc: s.Doc + n, Result: fmt.Append(nil, s.Doc+n)}, nil
	}
}

func open[T any](t *testing.T, s storage.Store, o ledger.Options[T]) *ledger.Ledger[T] {
	t.Helper()
	l := ledger.New(s, o)
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func TestTwoLedgersCountTogether(t *testing.T) {
	for _, s := range []storage.Store{memstore.New(), newShared()} {
		t.Run(fmt.Sprintf("%T", s), func(t *testing.T) {
			ledgers := []*ledger.Ledger[int]{open(t, s, ledger.Options[int]{})}
			if _, ok := s.(shared); ok {
				ledgers = append(ledgers, open(t, s, ledger.Options[int]{}))
			}
			const writers, each = 16, 50
			type place struct {
				rev   uint64
				index int
			}
			var mu sync.Mutex
			places := map[place]string{}
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					l := ledgers[w%len(ledgers)]
					for i := range each {
						id := fmt.Sprintf("%d/%d", w, i)
						r, err := l.Update(t.Context(), "counter", ledger.Op[int]{ID: id, Apply: add(1)})
						if err != nil {
							t.Errorf("update: %v", err)
							return
						}
						mu.Lock()
						p := place{r.Revision, r.Index}
						if other, ok := places[p]; ok {
							t.Errorf("%s and %s share %v", id, other, p)
						}
						places[p] = id
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			for _, l := range ledgers {
				got, err := l.Read(t.Context(), "counter")
				if err != nil || got.Doc != writers*each {
					t.Errorf("read: got %d, %v, want %d", got.Doc, err, writers*each)
				}
			}
		})
	}
}

func TestRepetition(t *testing.T) {
	l := open(t, memstore.New(), ledger.Options[int]{})
	ctx := t.Context()
	first, err := l.Update(ctx, "k", ledger.Op[int]{ID: "a", Payload: []byte("1"), Apply: add(1)})
	if err != nil || first.Replayed || first.Revision != 1 || string(first.Result) != "1" {
		t.Fatalf("first: %+v, %v", first, err)
	}
	if _, err := l.Update(ctx, "k", ledger.Op[int]{ID: "b", Apply: add(10)}); err != nil {
		t.Fatal(err)
	}
	again, err := l.Update(ctx, "k", ledger.Op[int]{ID: "a", Payload: []byte("1"), Apply: add(1)})
	if err != nil || !again.Replayed || again.Revision != 1 || string(again.Result) != "1" || again.Snapshot.Doc != 11 {
		t.Errorf("again: got %+v, %v", again, err)
	}
	_, err = l.Update(ctx, "k", ledger.Op[int]{ID: "a", Payload: []byte("2"), Apply: add(1)})
	if !errors.Is(err, ledger.ErrIDReused) {
		t.Errorf("other payload: got %v, want ErrIDReused", err)
	}
}

// A document of the format before the ledger is read in place and upgraded by
// the first write.
func TestLegacyIsUpgraded(t *testing.T) {
	store := newShared()
	ctx := t.Context()
	if _, err := store.Create(ctx, "k", []byte(`["a"]`)); err != nil {
		t.Fatal(err)
	}
	l := open(t, store, ledger.Options[[]string]{Codec: ledger.Codec[[]string]{Legacy: func(body []byte) (doc []string, ok bool, err error) {
		err = json.Unmarshal(body, &doc)
		return doc, true, err
	}}})
	got, err := l.Read(ctx, "k")
	if err != nil || !got.Exists || got.Revision != 0 || got.Nonce == "" || !slices.Equal(got.Doc, []string{"a"}) {
		t.Errorf("before: got %+v, %v", got, err)
	}
	if _, err := l.Update(ctx, "k", appendOp("b")); err != nil {
		t.Fatal(err)
	}
	modern := open(t, store, ledger.Options[[]string]{})
	got, err = modern.Read(ctx, "k")
	if err != nil || got.Revision != 1 || !slices.Equal(got.Doc, []string{"a", "b"}) {
		t.Errorf("after: got %+v, %v", got, err)
	}
}
