package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// notDurable makes writes take effect and fail to last.
var notDurable = faultstore.Fault{Kind: faultstore.FailAfter, Err: storage.ErrNotDurable}

func always(op string, f faultstore.Fault) faultstore.Plan {
	return func(c faultstore.Call) faultstore.Fault {
		if c.Op == op || op == "write" && c.Op != "get" {
			return f
		}
		return faultstore.Fault{}
	}
}

var errExists = errors.New("exists")

// Nothing that rests on a write that may be lost is acknowledged, however the
// question is asked, until a write succeeded.
func TestNotDurableIsNotAcknowledged(t *testing.T) {
	once := func(s ledger.State[int]) (ledger.Change[int], error) {
		if s.Doc > 0 {
			return ledger.Change[int]{}, errExists
		}
		return ledger.Change[int]{Doc: 1}, nil
	}
	unchanged := func(s ledger.State[int]) (ledger.Change[int], error) {
		return ledger.Change[int]{Doc: s.Doc, Unchanged: true}, nil
	}
	for name, c := range map[string]struct {
		second ledger.Op[int]
		want   error // once the store is well
	}{
		"a repetition":            {ledger.Op[int]{ID: "a", Apply: once}, nil},
		"the same by its effect":  {ledger.Op[int]{ID: "b", Apply: once}, errExists},
		"without a change":        {ledger.Op[int]{Apply: unchanged}, nil},
		"another operation":       {ledger.Op[int]{ID: "c", Apply: add(1)}, nil},
		"an id with another body": {ledger.Op[int]{ID: "a", Payload: []byte("x"), Apply: once}, ledger.ErrIDReused},
	} {
		for _, s := range []storage.Store{memstore.New(), newShared()} {
			t.Run(fmt.Sprintf("%s/%T", name, s), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store := faultstore.New(s, always("write", notDurable))
					l := open(t, store, ledger.Options[int]{Logger: quietly})
					ctx := t.Context()
					for range 2 {
						_, err := l.Update(ctx, "k", ledger.Op[int]{ID: "a", Apply: once})
						if !errors.Is(err, ledger.ErrOutcomeUnknown) || !errors.Is(err, storage.ErrNotDurable) {
							t.Errorf("while the disk fails: got %v, want ErrOutcomeUnknown and ErrNotDurable", err)
						}
					}
					if _, err := l.Update(ctx, "k", c.second); !errors.Is(err, ledger.ErrOutcomeUnknown) {
						t.Errorf("%s while the disk fails: got %v, want ErrOutcomeUnknown", name, err)
					}
					if h := l.Health(); h.NotDurable != 1 || !errors.Is(h.Err, storage.ErrNotDurable) {
						t.Errorf("health: got %+v, want one key that is not durable, and why", h)
					}
					store.SetPlan(nil)
					if _, err := l.Update(ctx, "k", c.second); !errors.Is(err, c.want) {
						t.Errorf("%s afterwards: got %v, want %v", name, err, c.want)
					}
					if h := l.Health(); h.NotDurable != 0 || h.Err != nil {
						t.Errorf("health afterwards: got %+v, want none that is not durable", h)
					}
				})
			})
		}
	}
}

// Without any client the ledger writes again until that lasts, and logs the
// beginning and the end once.
func TestNotDurableIsRepeated(t *testing.T) {
	for _, last := range []string{"update", "forget"} {
		t.Run(last, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log lines
				inner := memstore.New()
				store := faultstore.New(inner, nil)
				l := open(t, store, ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil))})
				ctx := t.Context()
				if _, err := l.Update(ctx, "k", ledger.Op[int]{Apply: add(1)}); err != nil {
					t.Fatal(err)
				}
				store.SetPlan(always("write", notDurable))
				var err error
				if last == "forget" {
					err = l.Forget(ctx, "k", nil)
				} else {
					_, err = l.Update(ctx, "k", ledger.Op[int]{Apply: add(1)})
				}
				if !errors.Is(err, storage.ErrNotDurable) {
					t.Errorf("%s: got %v, want ErrNotDurable", last, err)
				}
				// Reads show what can be read, not the copy from before.
				if s, err := l.Read(ctx, "k"); err != nil || s.Exists != (last == "update") || s.Exists && s.Doc != 2 {
					t.Errorf("read after %s: got %+v and %v, want what is stored", last, s, err)
				}
				time.Sleep(time.Minute)
				if h := l.Health(); h.NotDurable != 1 {
					t.Errorf("a minute later: got %+v, want one key that is not durable", h)
				}
				if last == "forget" {
					if err := l.Forget(ctx, "k", nil); err == nil {
						t.Error("forgotten again while the disk fails: acknowledged")
					}
				}
				store.SetPlan(nil)
				time.Sleep(15 * time.Second)
				if h := l.Health(); h.NotDurable != 0 {
					t.Errorf("after the disk was repaired: got %+v, want none", h)
				}
				_, err = inner.Get(ctx, "k")
				if gone := errors.Is(err, storage.ErrNotFound); gone != (last == "forget") {
					t.Errorf("stored afterwards: got %v", err)
				}
				if got := log.count("may be lost"); got != 1 {
					t.Errorf("log: %d lines that a write may be lost, want 1:\n%s", got, &log)
				}
				if got := log.count("durable again"); got != 1 {
					t.Errorf("log: %d lines that it is durable again, want 1:\n%s", got, &log)
				}
			})
		})
	}
}

// A write whose answer was lost, found in the store of a key that is not
// durable, is written once more before it is acknowledged.
func TestNotDurableAndLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := faultstore.New(memstore.New(), faultstore.Script("create", notDurable))
		l := open(t, store, ledger.Options[int]{Logger: quietly})
		if _, err := l.Update(t.Context(), "k", ledger.Op[int]{ID: "a", Apply: add(1)}); !errors.Is(err, storage.ErrNotDurable) {
			t.Fatalf("first: got %v", err)
		}
		var writes int
		store.SetPlan(func(c faultstore.Call) faultstore.Fault {
			if c.Op != "replace" {
				return faultstore.Fault{}
			}
			if writes++; writes == 1 {
				return faultstore.Fault{Kind: faultstore.FailAfter}
			}
			return faultstore.Fault{}
		})
		r, err := l.Update(t.Context(), "k", ledger.Op[int]{ID: "b", Apply: add(1)})
		if err != nil || r.Snapshot.Doc != 2 || writes != 2 {
			t.Errorf("second: got document %d after %d writes, %v, want 2 after 2", r.Snapshot.Doc, writes, err)
		}
	})
}

// Close does not wait for a disk that fails.
func TestNotDurableAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ledger.New(faultstore.New(memstore.New(), always("write", notDurable)), ledger.Options[int]{Logger: quietly})
		_, _ = l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)})
		began := time.Now()
		if err := l.Close(context.Background()); err != nil || time.Since(began) > time.Second {
			t.Errorf("close: got %v after %v", err, time.Since(began))
		}
	})
}

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) count(part string) int { return strings.Count(l.String(), part) }
