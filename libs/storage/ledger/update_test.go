package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

func TestWhatWaitsSharesOneWrite(t *testing.T) {
	inBubble(t, ledger.Options[int]{MaxBatch: 50}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		var wg sync.WaitGroup
		begin := func(n int) {
			for range n {
				wg.Go(func() {
					if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		begin(1)
		synctest.Wait() // the first is on its way
		begin(120)
		wg.Wait()
		if _, puts := s.counts(); puts != 4 {
			t.Errorf("writes: got %d, want 4: one, and 120 in batches of at most 50", puts)
		}
		got, err := l.Read(t.Context(), "k")
		if err != nil || got.Doc != 121 || got.Revision != 4 {
			t.Errorf("read: got %d at revision %d, %v, want 121 at 4", got.Doc, got.Revision, err)
		}
	})
}

func TestFirstWriteOfIdleKeyIsOneRoundTrip(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		began := time.Now()
		if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 41*time.Millisecond {
			t.Errorf("took %v, want one call of 40ms", took)
		}
	})
}

// One commit with a refusal, a panic and a repetition in it.
func TestOperationsFailAlone(t *testing.T) {
	refusal := errors.New("refused")
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		ctx := t.Context()
		var wg sync.WaitGroup
		update := func(op ledger.Op[int], check func(ledger.Receipt[int], error)) {
			wg.Go(func() { check(l.Update(ctx, "k", op)) })
			synctest.Wait()
		}
		landed := func(rev uint64, index int, replayed bool) func(ledger.Receipt[int], error) {
			return func(r ledger.Receipt[int], err error) {
				if err != nil || r.Revision != rev || r.Index != index || r.Replayed != replayed {
					t.Errorf("got %d/%d, replayed %t, %v, want %d/%d, %t", r.Revision, r.Index, r.Replayed, err, rev, index, replayed)
				}
			}
		}
		update(ledger.Op[int]{Apply: add(1)}, landed(1, 0, false))
		update(ledger.Op[int]{ID: "a", Payload: []byte("x"), Apply: add(10)}, landed(2, 0, false))
		update(ledger.Op[int]{Apply: func(ledger.State[int]) (ledger.Change[int], error) { return ledger.Change[int]{}, refusal }},
			func(_ ledger.Receipt[int], err error) {
				if !errors.Is(err, refusal) {
					t.Errorf("refused: got %v, want the operation's own error", err)
				}
			})
		update(ledger.Op[int]{Apply: func(ledger.State[int]) (ledger.Change[int], error) { panic("bug") }},
			func(_ ledger.Receipt[int], err error) {
				if err == nil || !strings.Contains(err.Error(), "panicked: bug") {
					t.Errorf("panic: got %v", err)
				}
			})
		update(ledger.Op[int]{ID: "a", Payload: []byte("x"), Apply: add(10)}, landed(2, 0, true))
		update(ledger.Op[int]{ID: "a", Payload: []byte("y"), Apply: add(10)}, func(_ ledger.Receipt[int], err error) {
			if !errors.Is(err, ledger.ErrIDReused) {
				t.Errorf("id reused: got %v", err)
			}
		})
		update(ledger.Op[int]{Apply: func(s ledger.State[int]) (ledger.Change[int], error) {
			return ledger.Change[int]{Unchanged: true, Result: fmt.Append(nil, s.Doc)}, nil
		}}, func(r ledger.Receipt[int], err error) {
			landed(2, 0, false)(r, err)
			if !r.Unchanged || string(r.Result) != "11" {
				t.Errorf("unchanged: got %+v", r)
			}
		})
		update(ledger.Op[int]{Apply: add(100)}, landed(2, 1, false))
		wg.Wait()
		if _, puts := s.counts(); puts != 2 {
			t.Errorf("writes: got %d, want 2", puts)
		}
	})
}

// Two operations that each say "only at revision 1" never both pass, not even
// in one commit.
func TestUpdateAllKeepsOrderInOneWrite(t *testing.T) {
	refusal := errors.New("refused")
	inBubble(t, ledger.Options[int]{MaxWaitingPerKey: 100}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		// Digits show the order; each operation sees the one before it.
		append10 := func(digit int) ledger.Op[int] {
			return ledger.Op[int]{Apply: func(s ledger.State[int]) (ledger.Change[int], error) {
				if digit == 0 {
					return ledger.Change[int]{}, refusal
				}
				return ledger.Change[int]{Doc: s.Doc*10 + digit}, nil
			}}
		}
		receipts, errs := l.UpdateAll(t.Context(), "k", []ledger.Op[int]{append10(1), append10(0), append10(2), append10(3)})
		if !errors.Is(errs[1], refusal) {
			t.Errorf("second: got %v, want %v", errs[1], refusal)
		}
		for i, index := range map[int]int{0: 0, 2: 1, 3: 2} {
			if r := receipts[i]; errs[i] != nil || r.Revision != 1 || r.Index != index {
				t.Errorf("operation %d: got %d/%d, %v, want 1/%d", i, r.Revision, r.Index, errs[i], index)
			}
		}
		if got := receipts[3].Snapshot.Doc; got != 123 {
			t.Errorf("document: got %d, want 123", got)
		}
		if _, puts := s.counts(); puts != 1 {
			t.Errorf("writes: got %d, want 1", puts)
		}
		if receipts, errs := l.UpdateAll(t.Context(), "k", nil); len(receipts) != 0 || len(errs) != 0 {
			t.Errorf("no operations: got %v, %v", receipts, errs)
		}
		_, errs = l.UpdateAll(t.Context(), "k", slices.Repeat([]ledger.Op[int]{append10(4)}, 101))
		for i, err := range errs {
			if !errors.Is(err, ledger.ErrOverloaded) {
				t.Fatalf("operation %d of more than may wait: got %v, want %v", i, err, ledger.ErrOverloaded)
			}
		}
	})
}

func TestPreconditionsInOneCommit(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		stale := errors.New("precondition failed")
		var wg sync.WaitGroup
		var mu sync.Mutex
		passed := 0
		wg.Go(func() { _, _ = l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}) })
		synctest.Wait()
		for range 8 {
			wg.Go(func() {
				_, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: func(s ledger.State[int]) (ledger.Change[int], error) {
					if s.Revision != 1 {
						return ledger.Change[int]{}, stale
					}
					return ledger.Change[int]{Doc: s.Doc + 1}, nil
				}})
				if err == nil {
					mu.Lock()
					passed++
					mu.Unlock()
				} else if !errors.Is(err, stale) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if passed != 1 {
			t.Errorf("passed: got %d, want 1", passed)
		}
	})
}

// A refusal is as linearizable as a success: the ledger reads what
// another one wrote before it refuses an operation.
func TestRefusalsAreNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket()
		one, two := ledger.New(newScripted(b), ledger.Options[int]{}), ledger.New(newScripted(b), ledger.Options[int]{})
		needs := func(n int) ledger.Op[int] {
			return ledger.Op[int]{Apply: func(s ledger.State[int]) (ledger.Change[int], error) {
				if s.Doc < n {
					return ledger.Change[int]{}, fmt.Errorf("%d is not enough", s.Doc)
				}
				return ledger.Change[int]{Unchanged: true}, nil
			}}
		}
		if _, err := two.Update(t.Context(), "k", needs(0)); err != nil { // two knows 0
			t.Fatal(err)
		}
		if _, err := one.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
			t.Fatal(err)
		}
		if _, err := two.Update(t.Context(), "k", needs(1)); err != nil {
			t.Errorf("after the other ledger's acknowledgement: %v", err)
		}
		_ = one.Close(t.Context())
		_ = two.Close(t.Context())
	})
}

// A write without a clear answer, of whatever kind, results in one commit that is
// acknowledged.
func TestUnclearWritesAreSettled(t *testing.T) {
	type put = func() (storage.Version, error)
	away := &storage.Error{Op: "replace", Err: storage.ErrUnavailable}
	conflict := &storage.Error{Op: "replace", Err: storage.ErrConflict}
	var late put
	for name, c := range map[string]struct {
		bend  func(ctx context.Context, n int, do put) (storage.Version, error)
		sends int
	}{
		"nothing happened": {func(ctx context.Context, n int, do put) (storage.Version, error) {
			if n == 1 {
				return "", away
			}
			return do()
		}, 2},
		"landed, answer lost": {func(ctx context.Context, n int, do put) (storage.Version, error) {
			if _, err := do(); err != nil {
				return "", err
			}
			return "", away
		}, 1},
		"landed, answered as a conflict": {func(ctx context.Context, n int, do put) (storage.Version, error) {
			if _, err := do(); err != nil {
				return "", err
			}
			return "", conflict
		}, 1},
		"conflict without another writer": {func(ctx context.Context, n int, do put) (storage.Version, error) {
			if n < 4 {
				return "", conflict
			}
			return do()
		}, 4},
		"hangs, landed": {func(ctx context.Context, n int, do put) (storage.Version, error) {
			_, err := do()
			<-ctx.Done()
			if err == nil {
				err = &storage.Error{Op: "replace", Err: ctx.Err()}
			}
			return "", err
		}, 1},
		"lands while it is sent again": {func(ctx context.Context, n int, do put) (storage.Version, error) {
			if n == 1 {
				late = do
				return "", away
			}
			if _, err := late(); err != nil {
				return "", err
			}
			return do()
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var commits []ledger.Commit
			o := ledger.Options[int]{Observer: ledger.Observer{Commit: func(c ledger.Commit) { commits = append(commits, c) }}}
			inBubble(t, o, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
				s.onPut = c.bend
				r, err := l.Update(t.Context(), "k", ledger.Op[int]{ID: "a", Apply: add(1)})
				if err != nil || r.Revision != 1 || r.Index != 0 || r.Replayed || string(r.Result) != "1" || r.Snapshot.Doc != 1 {
					t.Errorf("receipt: got %+v, %v", r, err)
				}
				got, err := l.Read(t.Context(), "k")
				if err != nil || got.Doc != 1 || got.Revision != 1 {
					t.Errorf("document: got %d at %d, %v, want 1 at 1", got.Doc, got.Revision, err)
				}
				if _, puts := s.counts(); puts != c.sends {
					t.Errorf("writes sent: got %d, want %d", puts, c.sends)
				}
				if len(commits) != 1 || commits[0].Operations != 1 || commits[0].Attempts != c.sends {
					t.Errorf("commits: got %+v", commits)
				}
			})
		})
	}
}

func TestDeadlines(t *testing.T) {
	forever := func(ctx context.Context, _ int, _ func() (storage.Version, error)) (storage.Version, error) {
		<-ctx.Done()
		return "", &storage.Error{Op: "replace", Err: ctx.Err()}
	}
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		s.onPut = forever
		began := time.Now()
		var wg sync.WaitGroup
		update := func(what string, unknown bool) {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := l.Update(ctx, "k", ledger.Op[int]{Apply: add(1)})
				if !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: got %v, want ErrUnavailable and the deadline", what, err)
				}
				if errors.Is(err, ledger.ErrOutcomeUnknown) != unknown {
					t.Errorf("%s: got %v, outcome unknown: want %t", what, err, unknown)
				}
			})
			synctest.Wait()
		}
		update("sent", true)
		time.Sleep(100 * time.Millisecond) // it has been read and is being written
		update("waiting", false)
		wg.Wait()
		if took := time.Since(began); took != 1100*time.Millisecond {
			t.Errorf("took %v, want 1.1s", took)
		}
		if n := l.Stats().Waiting; n != 0 {
			t.Errorf("waiting: got %d, want 0", n)
		}
		s.mu.Lock()
		s.onPut = nil
		s.mu.Unlock()
		time.Sleep(10 * time.Second)
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 0 {
			t.Errorf("what was given up came back: %d, %v", got.Doc, err)
		}
	})
}

func TestOverload(t *testing.T) {
	inBubble(t, ledger.Options[int]{MaxWaitingPerKey: 2, MaxWaiting: 3, MaxKeys: 3}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		var wg sync.WaitGroup
		accepted := func(key string) {
			wg.Go(func() {
				if _, err := l.Update(t.Context(), key, ledger.Op[int]{Apply: add(1)}); err != nil {
					t.Errorf("%s: %v", key, err)
				}
			})
			synctest.Wait()
		}
		refused := func(key string) {
			t.Helper()
			_, err := l.Update(t.Context(), key, ledger.Op[int]{Apply: add(1)})
			if !errors.Is(err, ledger.ErrOverloaded) {
				t.Errorf("%s: got %v, want ErrOverloaded", key, err)
			}
		}
		accepted("a")
		accepted("a")
		refused("a") // two on the key
		accepted("b")
		refused("c") // three in the ledger
		wg.Wait()
		if n := l.Stats(); n.Waiting != 0 || n.Keys != 3 {
			t.Errorf("stats: got %+v", n)
		}
		accepted("a")
		accepted("b")
		accepted("d") // takes the place of c, which is idle
		if _, err := l.Read(t.Context(), "e"); !errors.Is(err, ledger.ErrOverloaded) {
			t.Errorf("a fourth key in use: got %v, want ErrOverloaded", err)
		}
		wg.Wait()
	})
}

// A document that cannot be encoded with one of the operations fails that one.
func TestEncodeFailsAlone(t *testing.T) {
	tooMuch := errors.New("too much")
	o := ledger.Options[int]{Codec: ledger.Codec[int]{Append: func(dst []byte, n int) ([]byte, error) {
		if n > 8 {
			return nil, tooMuch
		}
		return strconv.AppendInt(dst, int64(n), 10), nil
	}}}
	inBubble(t, o, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		var wg sync.WaitGroup
		for i, want := range []error{nil, nil, nil, tooMuch, nil} {
			step := []int{1, 2, 3, 5, 2}[i]
			wg.Go(func() {
				if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(step)}); !errors.Is(err, want) {
					t.Errorf("operation %d: got %v, want %v", i, err, want)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 8 {
			t.Errorf("document: got %d, %v, want 8", got.Doc, err)
		}
	})
}

// An operation gets the revision and the time of its commit: all operations of a
// commit get the same ones, and each attempt gets new ones.
func TestStateTellsOfTheCommit(t *testing.T) {
	type entry struct {
		Rev uint64
		At  time.Time
	}
	store := faultstore.New(memstore.New(), faultstore.Script("replace", faultstore.Fault{Kind: faultstore.Conflict}))
	l := open(t, store, ledger.Options[[]entry]{CheckOperations: true})
	record := ledger.Op[[]entry]{Apply: func(s ledger.State[[]entry]) (ledger.Change[[]entry], error) {
		return ledger.Set(append(slices.Clip(s.Doc), entry{s.Next, s.Time})), nil
	}}
	began := time.Now().Truncate(time.Millisecond)
	for range 2 {
		if _, errs := l.UpdateAll(t.Context(), "k", []ledger.Op[[]entry]{record, record}); errs[0] != nil || errs[1] != nil {
			t.Fatal(errs)
		}
	}
	got, err := l.Read(t.Context(), "k")
	if err != nil || len(got.Doc) != 4 {
		t.Fatalf("got %+v, %v, want 4 entries", got.Doc, err)
	}
	for i, e := range got.Doc {
		if want := uint64(i/2 + 1); e.Rev != want || e.At != got.Doc[i/2*2].At || e.At.Before(began) || e.At.Location() != time.UTC {
			t.Errorf("entry %d: got %+v, want revision %d and the time of its commit", i, e, want)
		}
	}
}

func TestCloseSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted(newBucket())
		l := ledger.New(s, ledger.Options[int]{})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
					t.Errorf("accepted before Close: %v", err)
				}
			})
		}
		synctest.Wait()
		if err := l.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
		wg.Wait()
		if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("update after Close: got %v", err)
		}
		if _, err := l.Read(t.Context(), "k"); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("read after Close: got %v", err)
		}
		if _, err := l.Watch(t.Context(), "k"); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("watch after Close: got %v", err)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Errorf("close again: %v", err)
		}
	})
}

func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted(newBucket())
		s.onPut = func(ctx context.Context, _ int, _ func() (storage.Version, error)) (storage.Version, error) {
			<-ctx.Done()
			return "", &storage.Error{Op: "create", Err: ctx.Err()}
		}
		l := ledger.New(s, ledger.Options[int]{Logger: quietly})
		var wg sync.WaitGroup
		update := func(unknown bool) {
			wg.Go(func() {
				_, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)})
				if !errors.Is(err, ledger.ErrClosed) || errors.Is(err, ledger.ErrOutcomeUnknown) != unknown {
					t.Errorf("got %v, want ErrClosed, outcome unknown: %t", err, unknown)
				}
			})
			synctest.Wait()
		}
		update(true)
		time.Sleep(time.Second)
		update(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: got %v, want the deadline", err)
		}
		wg.Wait()
	})
}
