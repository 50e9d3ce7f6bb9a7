package ledger_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

func TestForget(t *testing.T) {
	store := memstore.New()
	l := open(t, unowned{store}, ledger.Options[int]{})
	other := open(t, unowned{store}, ledger.Options[int]{Logger: quietly})
	first, err := l.Update(t.Context(), "k", ledger.Op[int]{ID: "a", Apply: add(1)})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := l.Watch(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if s := <-watch; s.Doc != 1 {
		t.Fatalf("watched: got %d, want 1", s.Doc)
	}
	if s, err := other.Read(t.Context(), "k"); err != nil || s.Doc != 1 {
		t.Fatalf("got %d, %v, want 1", s.Doc, err)
	}
	refused := errors.New("refused")
	if err := l.Forget(t.Context(), "k", func(s ledger.Snapshot[int]) error {
		if s.Tag() != first.Tag {
			t.Errorf("asked about %s, want %s", s.Tag(), first.Tag)
		}
		return refused
	}); !errors.Is(err, refused) {
		t.Fatalf("got %v, want what was refused", err)
	}
	for range 2 {
		if err := l.Forget(t.Context(), "k", nil); err != nil {
			t.Fatal(err)
		}
	}
	if s := <-watch; s.Exists || s.Doc != 0 {
		t.Errorf("watched: got %+v, want nothing", s)
	}
	if _, err := store.Get(t.Context(), "k"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the store: got %v, want nothing", err)
	}
	for name, l := range map[string]*ledger.Ledger[int]{"the same": l, "the other": other} {
		if s, err := l.Read(t.Context(), "k"); err != nil || s.Exists || s.Doc != 0 {
			t.Errorf("%s ledger: got %+v, %v, want nothing", name, s, err)
		}
	}
	// What was remembered is forgotten too.
	again, err := other.Update(t.Context(), "k", ledger.Op[int]{ID: "a", Apply: add(1)})
	if err != nil || again.Replayed || again.Snapshot.Doc != 1 || again.Tag == first.Tag {
		t.Errorf("got %+v, %v, want a new document", again, err)
	}
}

// A deletion that met another writer is tried again, after asking again; one
// without a clear answer is looked up by the next read.
func TestForgetAfterFailures(t *testing.T) {
	for kind, want := range map[faultstore.Kind]error{faultstore.Conflict: nil, faultstore.FailAfter: storage.ErrUnavailable} {
		store := faultstore.New(memstore.New(), faultstore.Script("delete", faultstore.Fault{Kind: kind}))
		l := open(t, store, ledger.Options[int]{Logger: quietly})
		increment(t, l, "k")
		asked := 0
		err := l.Forget(t.Context(), "k", func(ledger.Snapshot[int]) error { asked++; return nil })
		if !errors.Is(err, want) || (asked == 2) != (want == nil) {
			t.Errorf("%s: got %v, asked %d times, want %v", kind, err, asked, want)
		}
		if s, err := l.Read(t.Context(), "k"); err != nil || s.Exists {
			t.Errorf("%s: got %+v, %v, want nothing", kind, s, err)
		}
	}
}

// Forget ends with its context, and Close waits for what Forget began, although
// the store ignores both.
func TestForgetEndsWithItsContext(t *testing.T) {
	for _, op := range []string{"get", "delete"} {
		synctest.Test(t, func(t *testing.T) {
			store := &hanging{Store: memstore.New(), release: make(chan struct{})}
			l := ledger.New(store, ledger.Options[int]{Logger: quietly})
			increment(t, l, "k")
			store.op.Store(op)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := l.Forget(ctx, "k", nil)
			if !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want %v and the context's error", op, err, storage.ErrUnavailable)
			}
			if took := time.Since(began); took != 100*time.Millisecond {
				t.Errorf("%s: took %v, want no longer than the context", op, took)
			}
			closed := make(chan error, 1)
			go func() { closed <- l.Close(t.Context()) }()
			synctest.Wait()
			select {
			case err := <-closed:
				t.Errorf("%s: Close returned %v while a call of the store was under way", op, err)
			default:
			}
			close(store.release)
			if err := <-closed; err != nil {
				t.Errorf("%s: Close: %v", op, err)
			}
		})
	}
}

// A deletion that is under way when Close's context ends has an unknown outcome.
func TestForgetEndsWithTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hanging{Store: memstore.New(), release: make(chan struct{})}
		l := ledger.New(store, ledger.Options[int]{Logger: quietly})
		increment(t, l, "k")
		store.op.Store("delete")
		forgot := make(chan error, 1)
		go func() { forgot <- l.Forget(t.Context(), "k", nil) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Close: got %v, want %v", err, context.Canceled)
		}
		if err := <-forgot; !errors.Is(err, ledger.ErrClosed) || !errors.Is(err, ledger.ErrOutcomeUnknown) {
			t.Errorf("got %v, want %v and %v", err, ledger.ErrClosed, ledger.ErrOutcomeUnknown)
		}
		close(store.release)
	})
}

// hanging is a store whose calls of one operation ignore their contexts.
type hanging struct {
	storage.Store
	op      atomic.Value
	release chan struct{}
}

func (h *hanging) wait(op string) {
	if h.op.Load() == op {
		<-h.release
	}
}

func (h *hanging) Get(ctx context.Context, key string) (storage.Document, error) {
	h.wait("get")
	return h.Store.Get(ctx, key)
}

func (h *hanging) Delete(ctx context.Context, key string, version storage.Version) error {
	h.wait("delete")
	return h.Store.Delete(ctx, key, version)
}

// unowned is a store that others write to as well.
type unowned struct{ storage.Store }

// Each concurrent operation takes effect before or after a deletion, and none is
// lost or applied twice.
func TestForgetAmongWriters(t *testing.T) {
	store := unowned{memstore.New()}
	l := open(t, store, ledger.Options[string]{Logger: quietly})
	other := open(t, store, ledger.Options[string]{Logger: quietly})
	var wg sync.WaitGroup
	for i, l := range []*ledger.Ledger[string]{l, other} {
		wg.Go(func() {
			for n := range 200 {
				mark := string(rune('a' + i))
				r, err := l.Update(t.Context(), "k", ledger.Op[string]{Apply: func(s ledger.State[string]) (ledger.Change[string], error) {
					return ledger.Change[string]{Doc: s.Doc + mark}, nil
				}})
				if err != nil || !strings.HasSuffix(r.Snapshot.Doc, mark) && strings.Count(r.Snapshot.Doc, mark) == 0 {
					t.Errorf("update %d: got %q, %v", n, r.Snapshot.Doc, err)
				}
				if n%20 == 0 {
					if err := l.Forget(t.Context(), "k", nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := l.Forget(context.Background(), "k", nil); err != nil {
		t.Fatal(err)
	}
	if s, err := other.Read(t.Context(), "k"); err != nil || s.Exists {
		t.Errorf("got %+v, %v, want nothing", s, err)
	}
}
