package ledger_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// Ledgers of two types on a store with one owner keep to keys of their own:
// each key is read once.
func TestOneOwnerTwoTypes(t *testing.T) {
	reads := 0
	store := faultstore.New(memstore.New(), func(c faultstore.Call) faultstore.Fault {
		if c.Op == "get" {
			reads++
		}
		return faultstore.Fault{}
	})
	var log lines
	logger := slog.New(slog.NewTextHandler(&log, nil))
	numbers := open(t, store, ledger.Options[int]{Logger: logger})
	texts := open(t, store, ledger.Options[[]string]{Logger: logger})
	for i := range 10 {
		increment(t, numbers, "number/k")
		if _, err := texts.Update(t.Context(), "text/k", appendOp(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		n, err := numbers.Read(t.Context(), "number/k")
		if err != nil || n.Doc != i+1 {
			t.Errorf("number: got %d, %v", n.Doc, err)
		}
		s, err := texts.Read(t.Context(), "text/k")
		if err != nil || len(s.Doc) != i+1 {
			t.Errorf("text: got %v, %v", s.Doc, err)
		}
	}
	if reads != 2 || log.String() != "" {
		t.Errorf("got %d reads and the log %q, want one read a key and no log", reads, &log)
	}
}

// After a ledger evicted a key, or was closed, the next one reads the key once.
func TestOneOwnerAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		store := faultstore.New(memstore.New(), func(c faultstore.Call) faultstore.Fault {
			if c.Op == "get" {
				reads++
			}
			return faultstore.Fault{}
		})
		var log lines
		o := ledger.Options[int]{MaxKeys: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		for _, keys := range []string{"aabbaa", "aa", "aa"} {
			l := open(t, store, o)
			for _, key := range keys {
				increment(t, l, string(key))
				synctest.Wait() // the key is not in use any more
			}
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if reads != 5 || log.String() != "" {
			t.Errorf("got %d reads and the log %q, want 5 and no log", reads, &log)
		}
	})
}

// Two ledgers that use one key of a store with one owner are detected. They lose no
// update, serve no old document and notify their watchers.
func TestOneOwnerTwoLedgersOfOneKey(t *testing.T) {
	for name, wrap := range map[string]func(storage.Store) storage.Store{
		"one store": func(s storage.Store) storage.Store { return s },
		// Detected at the first conflict only.
		"two wrappers": func(s storage.Store) storage.Store { return faultstore.New(s, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memstore.New()
				var log lines
				o := ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil))}
				a, b := open(t, wrap(store), o), open(t, wrap(store), o)
				snapshots, err := a.Watch(t.Context(), "k")
				if err != nil {
					t.Fatal(err)
				}
				increment(t, a, "k")
				increment(t, b, "k")
				if name == "two wrappers" {
					increment(t, a, "k")
					increment(t, b, "k")
				}
				if got := log.count("level=ERROR"); got == 0 || got > 2 {
					t.Errorf("log: got %d errors, want one for each ledger that noticed:\n%s", got, &log)
				}
				for i := range 10 {
					before, err := a.Read(t.Context(), "k")
					if err != nil {
						t.Fatal(err)
					}
					increment(t, b, "k")
					after, err := a.Read(t.Context(), "k")
					if err != nil || after.Doc != before.Doc+1 || before.Doc != int(before.Revision) {
						t.Errorf("read %d: got %d after %d, %v", i, after.Doc, before.Doc, err)
					}
				}
				increment(t, b, "k")
				time.Sleep(10 * time.Second)
				want, err := b.Read(t.Context(), "k")
				if got := <-snapshots; err != nil || got.Doc != want.Doc {
					t.Errorf("watched: got %d, %v, want %d", got.Doc, err, want.Doc)
				}
			})
		})
	}
}

// deleted calls after once a document is deleted, before the caller knows, met at
// each Get, and replaced and got, if not nil, like after.
type deleted struct {
	*memstore.Store
	after, met, replaced, got func()
}

func (s *deleted) Replace(ctx context.Context, key string, body []byte, at storage.Version) (storage.Version, error) {
	version, err := s.Store.Replace(ctx, key, body, at)
	if s.replaced != nil {
		s.replaced()
	}
	return version, err
}

func (s *deleted) Delete(ctx context.Context, key string, version storage.Version) error {
	err := s.Store.Delete(ctx, key, version)
	s.after()
	return err
}

func (s *deleted) Get(ctx context.Context, key string) (storage.Document, error) {
	s.met()
	return s.Store.Get(ctx, key)
}

func (s *deleted) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	s.met()
	doc, changed, err := s.Store.GetIfChanged(ctx, key, known)
	if s.got != nil {
		s.got()
	}
	return doc, changed, err
}

// A write that meets the deletion of its own ledger is not taken for one that meets
// another writer.
func TestOneOwnerForgetsAndWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		store := &deleted{Store: memstore.New(), met: func() {}}
		l := open(t, store, ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		increment(t, l, "k")
		written := make(chan error, 1)
		store.after = func() {
			conflicted := make(chan struct{})
			store.met = sync.OnceFunc(func() { close(conflicted) }) // the write read again
			go func() {
				_, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)})
				written <- err
			}()
			<-conflicted
		}
		if err := l.Forget(t.Context(), "k", nil); err != nil {
			t.Fatal(err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 || log.String() != "" {
			t.Errorf("got %d, %v and the log %q, want 1 and no log", got.Doc, err, &log)
		}
	})
}

// A write whose document was deleted before it ended does not bring it back.
func TestOneOwnerForgetsWhatIsWritten(t *testing.T) {
	var log lines
	store := &deleted{Store: memstore.New(), after: func() {}, met: func() {}}
	l := open(t, store, ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	increment(t, l, "k")
	store.replaced = func() {
		store.replaced = nil
		if err := l.Forget(t.Context(), "k", nil); err != nil {
			t.Error(err)
		}
	}
	increment(t, l, "k")
	if got, err := l.Read(t.Context(), "k"); err != nil || got.Exists {
		t.Errorf("got %+v, %v, want nothing", got, err)
	}
	increment(t, l, "k")
	if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 || log.String() != "" {
		t.Errorf("got %d, %v and the log %q, want 1 and no log", got.Doc, err, &log)
	}
}

// A read whose document was deleted before it ended does not bring it back.
func TestOneOwnerForgetsWhatIsRead(t *testing.T) {
	var log lines
	store := &deleted{Store: memstore.New(), after: func() {}, met: func() {}}
	o := ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	before := open(t, store, o)
	increment(t, before, "k")
	if err := before.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := open(t, store, o)
	store.got = func() {
		store.got = nil
		if err := l.Forget(t.Context(), "k", nil); err != nil {
			t.Error(err)
		}
	}
	if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 {
		t.Errorf("the read under way: got %+v, %v, want the document of its beginning", got, err)
	}
	if got, err := l.Read(t.Context(), "k"); err != nil || got.Exists {
		t.Errorf("the next read: got %+v, %v, want nothing", got, err)
	}
	increment(t, l, "k")
	if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 || log.String() != "" {
		t.Errorf("got %d, %v and the log %q, want 1 and no log", got.Doc, err, &log)
	}
}

// tagged has a type that can be compared, and values that cannot.
type tagged struct {
	storage.Store
	tags any
}

func (tagged) SoleOwner() bool { return true }

// If two ledgers on one key could not be detected, the store is read each time.
func TestOneOwnerThatCannotBeCompared(t *testing.T) {
	store := tagged{memstore.New(), []string{"a"}}
	a, b := open(t, store, ledger.Options[int]{}), open(t, store, ledger.Options[int]{})
	for i := range 3 {
		increment(t, a, "k")
		if got, err := b.Read(t.Context(), "k"); err != nil || got.Doc != i+1 {
			t.Errorf("got %d, %v, want %d", got.Doc, err, i+1)
		}
	}
}
