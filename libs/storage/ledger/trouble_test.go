package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

// failing is a plan under which calls of the given operations on some keys
// fail; no operation means every one.
func failing(cause error, keys func(string) bool, ops ...string) faultstore.Plan {
	return func(c faultstore.Call) faultstore.Fault {
		if keys != nil && !keys(c.Key) || len(ops) > 0 && !strings.Contains(strings.Join(ops, " "), c.Op) {
			return faultstore.Fault{}
		}
		return faultstore.Fault{Kind: faultstore.FailBefore, Err: cause}
	}
}

func begins(prefix string) func(string) bool {
	return func(key string) bool { return strings.HasPrefix(key, prefix) }
}

// Keys that the store refuses, or does not answer for, make no other stale.
func TestBadKeysHarmNoOther(t *testing.T) {
	for name, cause := range map[string]error{
		"refused":    fmt.Errorf("%w: AccessDenied", storage.ErrRefused),
		"unanswered": errors.New("KMS.DisabledException"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := newShared()
				var errs, asked atomic.Int64
				l := open(t, faultstore.New(base, func(c faultstore.Call) faultstore.Fault {
					if begins(".ledger-asks")(c.Key) {
						asked.Add(1)
					}
					return failing(cause, begins("bad"))(c)
				}), ledger.Options[int]{
					Logger: quietly, Observer: ledger.Observer{StoreError: func(string, error) { errs.Add(1) }},
				})
				other := open(t, base, ledger.Options[int]{Logger: quietly})
				ctx := t.Context()
				if _, err := l.Read(ctx, "good"); err != nil {
					t.Fatal(err)
				}
				for i := range 3 {
					for j := range 100 {
						bad, cancel := context.WithTimeout(ctx, time.Second)
						_, err := l.Read(bad, fmt.Sprint("bad", j%3))
						cancel()
						if !errors.Is(err, cause) {
							t.Errorf("bad key: got %v, want the store's reason", err)
						}
					}
					if _, err := other.Update(ctx, "good", ledger.Op[int]{Apply: add(1)}); err != nil {
						t.Fatal(err)
					}
					s, err := l.Read(ctx, "good")
					if err != nil || s.Doc != i+1 || s.Age != 0 {
						t.Errorf("good key: got %d, age %v, %v, want %d", s.Doc, s.Age, err, i+1)
					}
				}
				if h := l.Health(); h.Away || h.Failing != 3 || !errors.Is(h.Err, cause) {
					t.Errorf("health: got %+v, want failing keys, the reason, and not away", h)
				}
				if errs.Load() < 300 {
					t.Errorf("the observer was told of %d errors, want at least 300", errs.Load())
				}
				if got := asked.Load(); name == "refused" && got > 0 {
					t.Errorf("a store that had answered was asked %d times whether it does", got)
				}
			})
		})
	}
}

// The store's reason reaches the caller, the log, once, and Health. A refusal
// is an answer at once, and not an unknown outcome.
func TestCauseIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		cause   error
		ops     []string
		refused bool
	}{
		"denied":              {fmt.Errorf("%w: AccessDenied", storage.ErrRefused), nil, true},
		"writes denied":       {fmt.Errorf("%w: AccessDenied", storage.ErrRefused), []string{"create", "replace"}, true},
		"disk full":           {fmt.Errorf("%w: %w", storage.ErrRefused, syscall.ENOSPC), []string{"create", "replace"}, true},
		"no answer":           {errors.New("connection refused"), nil, false},
		"no answer to writes": {errors.New("connection refused"), []string{"create", "replace"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log lines
				store := faultstore.New(newShared(), failing(c.cause, nil, c.ops...))
				l := open(t, store, ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil))})
				for range 5 {
					began := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
					_, err := l.Update(ctx, "k", ledger.Op[int]{Apply: add(1)})
					cancel()
					if !errors.Is(err, c.cause) {
						t.Errorf("got %v, want the cause %v in it", err, c.cause)
					}
					if c.refused && (errors.Is(err, ledger.ErrOutcomeUnknown) || time.Since(began) > 0) {
						t.Errorf("got %v after %v, want a refusal at once", err, time.Since(began))
					}
					if unknown := !c.refused && c.ops != nil; errors.Is(err, ledger.ErrOutcomeUnknown) != unknown {
						t.Errorf("got %v, want an unknown outcome: %t", err, unknown)
					}
				}
				if h := l.Health(); !errors.Is(h.Err, c.cause) {
					t.Errorf("health: got %+v, want the cause", h)
				}
				level := "level=ERROR"
				if got := log.count(level); got != 1 || log.count(`key=k`) != 1 {
					t.Errorf("log: %d errors, want 1 that names the key:\n%s", got, &log)
				}
				store.SetPlan(nil)
				time.Sleep(10 * time.Second)
				if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
					t.Errorf("afterwards: %v", err)
				}
				if h := l.Health(); h.Err != nil || h.Failing != 0 || h.Away {
					t.Errorf("health afterwards: got %+v, want nothing", h)
				}
			})
		})
	}
}

// A full disk fails for every key. The log does not name each of them.
func TestManyKeysFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		store := faultstore.New(newShared(), failing(fmt.Errorf("%w: %w", storage.ErrRefused, syscall.ENOSPC), nil, "create"))
		l := open(t, store, ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil)), IdleAfter: time.Minute})
		for i := range 300 {
			_, _ = l.Update(t.Context(), fmt.Sprint("k", i%100), ledger.Op[int]{Apply: add(1)})
		}
		if got := log.count("level="); got != 11 {
			t.Errorf("log: %d lines, want 11:\n%s", got, &log)
		}
		if h := l.Health(); h.Failing != 100 {
			t.Errorf("health: got %+v, want 100 failing keys", h)
		}
		time.Sleep(2 * time.Minute)
		if h := l.Health(); h.Failing != 0 || h.Err != nil {
			t.Errorf("health of keys that were dropped from memory: got %+v, want nothing", h)
		}
	})
}

// One key in use, and the store does not answer: it is away, within the time
// that the package promises, and back without a client.
func TestAwayWithOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := faultstore.New(newShared(), nil)
		l := open(t, store, ledger.Options[int]{Logger: quietly, StaleFor: time.Minute})
		if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
			t.Fatal(err)
		}
		store.SetPlan(failing(errors.New("no route to host"), nil))
		began := time.Now()
		s, err := l.Read(t.Context(), "k")
		if err != nil || s.Age == 0 || time.Since(began) > 2*time.Second {
			t.Errorf("read: got age %v, %v after %v, want an old copy within 2s", s.Age, err, time.Since(began))
		}
		time.Sleep(time.Second)
		if h := l.Health(); !h.Away || h.Err == nil {
			t.Errorf("health: got %+v, want away, and why", h)
		}
		store.SetPlan(nil)
		time.Sleep(time.Second)
		if h := l.Health(); h.Away {
			t.Errorf("health afterwards: got %+v", h)
		}
	})
}

// Keys that end slowly at one moment are not the store, also after it was away.
func TestSlowKeysAreNotTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outage atomic.Bool
		var away atomic.Int64
		l := open(t, faultstore.New(newShared(), func(c faultstore.Call) faultstore.Fault {
			switch {
			case outage.Load():
				return faultstore.Fault{Kind: faultstore.FailBefore}
			case begins("slow")(c.Key):
				return faultstore.Fault{Kind: faultstore.FailBefore, Delay: 1500 * time.Millisecond}
			}
			return faultstore.Fault{Kind: faultstore.DelayOnly, Delay: time.Millisecond}
		}), ledger.Options[int]{Logger: quietly, Observer: ledger.Observer{Away: func(is bool) {
			if is {
				away.Add(1)
			}
		}}})
		read := func(key string) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			_, _ = l.Read(ctx, key)
		}
		outage.Store(true)
		read("key")
		time.Sleep(3 * time.Second) // in the bubble's time: the store is asked meanwhile
		if !l.Health().Away || away.Load() != 1 {
			t.Fatalf("got %+v, want the store away", l.Health())
		}
		outage.Store(false)
		time.Sleep(3 * time.Second)
		var readers sync.WaitGroup
		for i := range 5 {
			readers.Go(func() { read(fmt.Sprint("slow", i)) })
		}
		readers.Wait()
		if l.Health().Away || away.Load() != 1 {
			t.Errorf("got %+v, away %d times, want it there", l.Health(), away.Load())
		}
	})
}

// A store that refuses the version that it gives, as behind a proxy that changes
// ETags, is not a store with other writers: callers, log and readiness get the
// reason.
func TestConflictAtTheCurrentVersion(t *testing.T) {
	var log lines
	inBubble(t, ledger.Options[int]{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		s.onPut = func(context.Context, int, func() (storage.Version, error)) (storage.Version, error) {
			return "", &storage.Error{Op: "replace", Key: "k", Err: storage.ErrConflict}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := l.Update(ctx, "k", ledger.Op[int]{Apply: add(1)})
		const want = "a conflict at the version"
		if !errors.Is(err, ledger.ErrOutcomeUnknown) || !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %v, want an unknown outcome, and %q", err, want)
		}
		if got := log.count(want); got != 1 || l.Health().Failing != 1 {
			t.Errorf("got %d lines in the log and %+v, want one and the key among the failing:\n%s", got, l.Health(), &log)
		}
		s.onPut = nil
		increment(t, l, "k")
		if got := l.Health(); got.Failing != 0 {
			t.Errorf("got %+v after a write, want none failing", got)
		}
	})
}
