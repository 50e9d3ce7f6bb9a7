package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
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

func exit(ledger.State[int]) (ledger.Change[int], error) {
	runtime.Goexit()
	return ledger.Change[int]{}, nil
}

// An operation that ends its goroutine, as t.FailNow does, fails alone.
func TestGoexitInOperation(t *testing.T) {
	l := open(t, newShared(), ledger.Options[int]{Logger: quietly})
	for range 3 {
		receipts, errs := l.UpdateAll(t.Context(), "k", []ledger.Op[int]{{Apply: add(1)}, {Apply: exit}, {Apply: add(1)}})
		if errs[0] != nil || errs[1] == nil || !strings.Contains(errs[1].Error(), "Goexit") || errs[2] != nil {
			t.Errorf("got %v, want the second alone to fail", errs)
		}
		if errors.Is(errs[1], ledger.ErrOutcomeUnknown) {
			t.Errorf("got %v, want a certain no", errs[1])
		}
		if receipts[2].Snapshot.Doc%2 != 0 {
			t.Errorf("got %d, want both others applied", receipts[2].Snapshot.Doc)
		}
	}
}

func TestGoexitInCodec(t *testing.T) {
	store := newShared()
	increment(t, open(t, store, ledger.Options[int]{}), "k")
	var exits atomic.Bool
	exits.Store(true)
	l := open(t, store, ledger.Options[int]{Logger: quietly, Codec: ledger.Codec[int]{Decode: func(b []byte) (n int, err error) {
		if exits.Load() {
			runtime.Goexit()
		}
		return n, json.Unmarshal(b, &n)
	}}})
	if _, err := l.Read(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), "Goexit") {
		t.Errorf("read: got %v, want an error that says why", err)
	}
	if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err == nil || !strings.Contains(err.Error(), "Goexit") {
		t.Errorf("update: got %v, want an error that says why", err)
	}
	exits.Store(false)
	increment(t, l, "k")
	if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 2 {
		t.Errorf("afterwards: got %d, %v, want 2", got.Doc, err)
	}
}

// A caller may change a result that it got; it is not what the document keeps.
// Readers that wait for the read after one that ended in the codec are served.
func TestGoexitInCodecBeforeTheNextRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShared()
		increment(t, open(t, store, ledger.Options[int]{}), "k")
		goOn, exits := make(chan struct{}), true
		l := open(t, store, ledger.Options[int]{Logger: quietly, Codec: ledger.Codec[int]{Decode: func(b []byte) (n int, err error) {
			if exits {
				<-goOn
				exits = false
				runtime.Goexit()
			}
			return n, json.Unmarshal(b, &n)
		}}})
		var readers sync.WaitGroup
		for i, want := range []string{"Goexit", "<nil>"} {
			readers.Go(func() {
				if _, err := l.Read(t.Context(), "k"); !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("reader %d: got %v, want %s", i, err, want)
				}
			})
			synctest.Wait()
		}
		close(goOn)
		readers.Wait()
	})
}

func TestResultsAreTheCallers(t *testing.T) {
	l := open(t, memstore.New(), ledger.Options[int]{})
	op := ledger.Op[int]{ID: "a", Apply: add(1)}
	receipts, errs := l.UpdateAll(t.Context(), "k", []ledger.Op[int]{op, op})
	if errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	for range 2 {
		r, err := l.Update(t.Context(), "k", op)
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	for i, r := range receipts {
		if string(r.Result) != "1" {
			t.Errorf("result %d: got %q, want 1", i, r.Result)
		}
		r.Result[0] = 'x'
	}
}

// deaf is a store whose calls outlive their context once it is to.
type deaf struct {
	storage.Store
	hang  atomic.Bool
	hears bool // and ends with its context all the same
	end   chan struct{}
}

func (d *deaf) Get(ctx context.Context, key string) (storage.Document, error) {
	if d.hang.Load() && d.hears {
		<-ctx.Done()
	} else if d.hang.Load() {
		<-d.end
	}
	return d.Store.Get(ctx, key)
}

// Close returns when its context ends, and so do all callers, even if a call
// of the store does not.
func TestCloseWithDeafStore(t *testing.T) {
	for _, hears := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { closeWithDeafStore(t, hears) })
	}
}

func closeWithDeafStore(t *testing.T, hears bool) {
	t.Helper()
	store := &deaf{Store: newShared(), hears: hears, end: make(chan struct{})}
	store.hang.Store(true)
	l := ledger.New(store, ledger.Options[int]{Logger: quietly})
	answers := make(chan error, 2)
	go func() {
		_, err := l.Update(context.Background(), "k", ledger.Op[int]{Apply: add(1)})
		answers <- err
	}()
	go func() {
		_, err := l.Read(context.Background(), "k")
		answers <- err
	}()
	synctest.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	err := l.Close(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "outlives its context") == hears || time.Since(began) > 2*time.Second {
		t.Errorf("close: got %v after %v, want an error that says why at once", err, time.Since(began))
	}
	for range 2 {
		if err := <-answers; !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("caller: got %v, want ErrClosed", err)
		}
	}
	close(store.end)
}

// Watchers learn once that the document cannot be read, and once that it can.
func TestWatchersLearnOfFailures(t *testing.T) {
	for _, failure := range []string{"damage", "outage", "outage of a key that holds nothing"} {
		t.Run(failure, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := newShared()
				store := faultstore.New(base, nil)
				l := open(t, store, ledger.Options[int]{Logger: quietly})
				doc := 1
				if failure == "outage of a key that holds nothing" {
					doc = 0
				} else {
					increment(t, l, "k")
				}
				snapshots, err := l.Watch(t.Context(), "k")
				if err != nil {
					t.Fatal(err)
				}
				if s := <-snapshots; s.Doc != doc || s.Err != nil {
					t.Fatalf("first: got %+v", s)
				}
				good, err := base.Get(t.Context(), "k")
				if err != nil && doc != 0 {
					t.Fatal(err)
				}
				want := storage.ErrUnavailable
				if failure == "damage" {
					want = ledger.ErrDamaged
					if _, err := base.Replace(t.Context(), "k", []byte("?"), good.Version); err != nil {
						t.Fatal(err)
					}
				} else {
					store.SetPlan(failing(errors.New("no route to host"), nil))
				}
				if s := <-snapshots; !errors.Is(s.Err, want) || s.Doc != doc || s.Age == 0 {
					t.Errorf("during the %s: got %+v, want the last document and %v", failure, s, want)
				}
				time.Sleep(time.Minute)
				select {
				case s := <-snapshots:
					t.Errorf("a minute later: got %+v again", s)
				default:
				}
				if bad, err := base.Get(t.Context(), "k"); failure == "damage" {
					if err != nil {
						t.Fatal(err)
					}
					if _, err := base.Replace(t.Context(), "k", good.Body, bad.Version); err != nil {
						t.Fatal(err)
					}
				}
				store.SetPlan(nil)
				if s := <-snapshots; s.Err != nil || s.Doc != doc || s.Age != 0 {
					t.Errorf("afterwards: got %+v, want the document without an error", s)
				}
			})
		})
	}
}

// Options.CheckOperations finds operations that are not pure.
func TestCheckOperations(t *testing.T) {
	calls := 0
	for name, c := range map[string]struct {
		apply func(ledger.State[[]int]) (ledger.Change[[]int], error)
		want  string
	}{
		"pure": {func(s ledger.State[[]int]) (ledger.Change[[]int], error) {
			return ledger.Change[[]int]{Doc: append(slices.Clip(s.Doc), 3)}, nil
		}, ""},
		"changes its input": {func(s ledger.State[[]int]) (ledger.Change[[]int], error) {
			s.Doc[0] = 7
			return ledger.Change[[]int]{Doc: s.Doc}, nil
		}, "changed the document that it was given"},
		"counts": {func(ledger.State[[]int]) (ledger.Change[[]int], error) {
			calls++
			return ledger.Change[[]int]{Doc: []int{calls}}, nil
		}, "two results"},
		"another result": {func(s ledger.State[[]int]) (ledger.Change[[]int], error) {
			calls++
			return ledger.Change[[]int]{Doc: s.Doc, Result: []byte{byte(calls)}}, nil
		}, "two results"},
		"keeps every second time": {func(s ledger.State[[]int]) (ledger.Change[[]int], error) {
			calls++
			return ledger.Change[[]int]{Doc: s.Doc, Unchanged: calls%2 == 0}, nil
		}, "two results"},
		"fails every second time": {func(s ledger.State[[]int]) (ledger.Change[[]int], error) {
			if calls++; calls%2 == 0 {
				return ledger.Change[[]int]{Doc: s.Doc}, errExists
			}
			return ledger.Change[[]int]{Doc: s.Doc}, nil
		}, "two results"},
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, memstore.New(), ledger.Options[[]int]{Logger: quietly, CheckOperations: true})
			if _, err := l.Update(t.Context(), "k", ledger.Op[[]int]{Apply: func(ledger.State[[]int]) (ledger.Change[[]int], error) {
				return ledger.Change[[]int]{Doc: []int{1, 2}}, nil
			}}); err != nil {
				t.Fatal(err)
			}
			_, err := l.Update(t.Context(), "k", ledger.Op[[]int]{Apply: c.apply})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
