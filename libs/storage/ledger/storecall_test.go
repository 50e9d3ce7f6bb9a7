package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

type valueKey string

// valued notes the values of the contexts that the store gets.
type valued struct {
	storage.Store
	seen []string
}

func (v *valued) note(ctx context.Context, op string) {
	v.seen = append(v.seen, fmt.Sprint(op, " ", ctx.Value(valueKey("caller")), " ", ctx.Value(valueKey("span"))))
}

func (v *valued) Get(ctx context.Context, key string) (storage.Document, error) {
	v.note(ctx, "get")
	return v.Store.Get(ctx, key)
}

func (v *valued) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	v.note(ctx, "create")
	return v.Store.Create(ctx, key, body)
}

func (v *valued) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	v.note(ctx, "replace")
	return v.Store.Replace(ctx, key, body, version)
}

func (v *valued) Delete(ctx context.Context, key string, version storage.Version) error {
	v.note(ctx, "delete")
	return v.Store.Delete(ctx, key, version)
}

// Each call to the store has the values of the call that caused it and what
// the observer put into its context, and the observer learns how it ended.
func TestStoreCallHasTheCallersValues(t *testing.T) {
	store := &valued{Store: newShared()}
	var mu sync.Mutex
	var ended []string
	l := open(t, struct{ storage.Store }{store}, ledger.Options[int]{Logger: quietly, Observer: ledger.Observer{
		StoreCall: func(ctx context.Context, op, key string) (context.Context, func(error)) {
			return context.WithValue(ctx, valueKey("span"), "span of "+op), func(err error) {
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, fmt.Sprint(op, " ", key, " ", err == nil))
			}
		},
	}})
	as := func(caller string) context.Context { return context.WithValue(t.Context(), valueKey("caller"), caller) }
	for _, caller := range []string{"first", "second"} {
		if _, err := l.Update(as(caller), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Read(as("reader"), "k"); err != nil {
		t.Fatal(err)
	}
	if err := l.Forget(as("eraser"), "k", nil); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"get first span of get", "create first span of create", "replace second span of replace",
		"get reader span of get", "get eraser span of get", "delete eraser span of delete",
	}
	if !slices.Equal(store.seen, want) {
		t.Errorf("contexts: got %q, want %q", store.seen, want)
	}
	wantEnded := []string{"get k false", "create k true", "replace k true", "get k true", "get k true", "delete k true"}
	if !slices.Equal(ended, wantEnded) {
		t.Errorf("ended: got %q, want %q", ended, wantEnded)
	}
}

// The store's call does not end with the context of the call that caused it,
// whose update others may share.
func TestStoreCallOutlivesItsCaller(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		s.onPut = func(call context.Context, _ int, do func() (storage.Version, error)) (storage.Version, error) {
			cancel()
			v, err := do()
			ended <- call.Err()
			return v, err
		}
		_, _ = l.Update(ctx, "k", ledger.Op[int]{Apply: add(1)})
		if err := <-ended; err != nil {
			t.Errorf("the store's context ended with its caller's: %v", err)
		}
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 {
			t.Errorf("got %d, %v, want what was written", got.Doc, err)
		}
	})
}
