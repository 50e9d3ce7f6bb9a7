package faultstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

// TestConformance: without faults the wrapper conforms, also around a store without
// optional interfaces.
func TestConformance(t *testing.T) {
	for name, wrap := range map[string]func(*memstore.Store) storage.Store{
		"memory":      func(s *memstore.Store) storage.Store { return s },
		"bare memory": func(s *memstore.Store) storage.Store { return bareLister{struct{ storage.Store }{s}, s} },
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, storagetest.Harness{
				Name: "faultstore without faults over " + name,
				Open: func(testing.TB) storage.Store { return faultstore.New(wrap(memstore.New()), nil) },
			})
		})
	}
}

// bareLister is a store without optional interfaces but listing.
type bareLister struct {
	storage.Store
	storage.Lister
}

func get(t *testing.T, s storage.Store) string {
	t.Helper()
	doc, err := s.Get(t.Context(), "key")
	if err != nil {
		t.Fatalf("Get: got %v, want nil", err)
	}
	return string(doc.Body)
}

// TestWrites: what each kind answers, and what it leaves behind.
func TestWrites(t *testing.T) {
	for _, c := range []struct {
		kind         faultstore.Kind
		answer       error
		then, settle string
	}{
		{faultstore.None, nil, "new", "new"},
		{faultstore.FailBefore, storage.ErrUnavailable, "old", "old"},
		{faultstore.FailAfter, storage.ErrUnavailable, "new", "new"},
		{faultstore.Refused, storage.ErrRefused, "old", "old"},
		{faultstore.Conflict, storage.ErrConflict, "old", "old"},
		{faultstore.ConflictAfter, storage.ErrConflict, "new", "new"},
		{faultstore.Late, storage.ErrUnavailable, "old", "new"},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			inner := memstore.New()
			version, err := inner.Create(t.Context(), "key", []byte("old"))
			if err != nil {
				t.Fatalf("Create: got %v, want nil", err)
			}
			cause := errors.New("the cause")
			s := faultstore.New(inner, faultstore.Script("replace", faultstore.Fault{Kind: c.kind, Delay: 0, Err: cause}))
			if c.kind == faultstore.Late {
				s.SetPlan(faultstore.Script("replace", faultstore.Fault{Kind: c.kind, Delay: time.Hour, Err: cause}))
			}
			body := []byte("new")
			got, err := s.Replace(t.Context(), "key", body, version)
			copy(body, "XXX")
			if !errors.Is(err, c.answer) {
				t.Errorf("Replace: got %v, want %v", err, c.answer)
			}
			var detailed *storage.Error
			if c.answer != nil && (!errors.As(err, &detailed) || detailed.Op != "replace" || detailed.Key != "key" || !errors.Is(err, cause) || got != "") {
				t.Errorf("Replace: got %q and %v, want a *storage.Error of replace on key around %v", got, err, cause)
			}
			if got := get(t, inner); got != c.then {
				t.Errorf("after the answer: got %q, want %q", got, c.then)
			}
			s.Settle()
			if got := get(t, inner); got != c.settle {
				t.Errorf("after Settle: got %q, want %q", got, c.settle)
			}
			want := map[faultstore.Kind]int{c.kind: 1}
			if c.kind == faultstore.None {
				want = map[faultstore.Kind]int{}
			}
			if got := s.Injected(); !maps.Equal(got, want) {
				t.Errorf("Injected: got %v, want %v", got, want)
			}
		})
	}
}

// TestLateWriteIsStale: a late write is compared like any other when it lands.
func TestLateWriteIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := faultstore.New(memstore.New(), faultstore.Script("replace", faultstore.Fault{Kind: faultstore.Late, Delay: time.Second}))
		version, err := s.Create(t.Context(), "key", []byte("old"))
		if err != nil {
			t.Fatalf("Create: got %v, want nil", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, _ = s.Replace(ctx, "key", []byte("late"), version)
		cancel()
		time.Sleep(time.Second - time.Nanosecond)
		synctest.Wait()
		if got := get(t, s); got != "old" {
			t.Errorf("before the delay: got %q, want \"old\"", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := get(t, s); got != "late" {
			t.Errorf("after the delay: got %q, want \"late\"", got)
		}

		s.SetPlan(faultstore.Script("replace", faultstore.Fault{Kind: faultstore.Late, Delay: time.Second}))
		doc, err := s.Get(t.Context(), "key")
		if err != nil {
			t.Fatalf("Get: got %v, want nil", err)
		}
		_, _ = s.Replace(t.Context(), "key", []byte("later"), doc.Version)
		if _, err := s.Replace(t.Context(), "key", []byte("new"), doc.Version); err != nil {
			t.Fatalf("Replace: got %v, want nil", err)
		}
		s.Settle()
		if got := get(t, s); got != "new" {
			t.Errorf("after a stale late write: got %q, want \"new\"", got)
		}
	})
}

func TestReadsAndDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := func(faultstore.Call) faultstore.Fault {
			return faultstore.Fault{Kind: faultstore.Late, Delay: time.Second}
		}
		s := faultstore.New(memstore.New(), nil)
		version, err := s.Create(t.Context(), "key", []byte("body"))
		if err != nil {
			t.Fatalf("Create: got %v, want nil", err)
		}
		s.SetPlan(fault)
		_, get := s.Get(t.Context(), "key")
		_, _, getIfChanged := s.GetIfChanged(t.Context(), "key", version)
		var keys error
		for _, err := range s.Keys(t.Context()) {
			keys = err
		}
		for op, err := range map[string]error{"get": get, "getIfChanged": getIfChanged, "keys": keys, "check": s.Check(t.Context())} {
			if !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
			}
		}
		s.SetPlan(func(faultstore.Call) faultstore.Fault { return faultstore.Fault{Kind: faultstore.Refused} })
		if _, err := s.Get(t.Context(), "key"); !errors.Is(err, storage.ErrRefused) || errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("refused: got %v, want %v alone", err, storage.ErrRefused)
		}
		s.SetPlan(func(faultstore.Call) faultstore.Fault { return faultstore.Fault{Delay: time.Hour} })
		start := time.Now()
		if _, err := s.Get(t.Context(), "key"); err != nil || time.Since(start) != time.Hour {
			t.Errorf("Get with a delay of 1h: got %v after %v, want nil after 1h", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.Get(ctx, "key"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get with a delay beyond its deadline: got %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// TestRandomRepeats: a seed decides the fate of every call, whichever way the
// goroutines run, and the shares are kept.
func TestRandomRepeats(t *testing.T) {
	run := func(seed uint64) (fates map[string]bool, injected map[faultstore.Kind]int) {
		s := faultstore.New(memstore.New(), faultstore.Random(seed,
			faultstore.Rate{Share: 0.1, Fault: faultstore.Fault{Kind: faultstore.FailBefore}},
			faultstore.Rate{Share: 0.2, Fault: faultstore.Fault{Kind: faultstore.FailAfter}}))
		fates = make(map[string]bool)
		var mu sync.Mutex
		var all sync.WaitGroup
		for k := range 20 {
			all.Go(func() {
				key := fmt.Sprint("key ", k)
				for n := range 100 {
					_, err := s.Get(t.Context(), key)
					mu.Lock()
					fates[fmt.Sprint(key, "/", n)] = errors.Is(err, storage.ErrUnavailable)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		return fates, s.Injected()
	}
	fates, injected := run(1)
	again, _ := run(1)
	other, _ := run(2)
	if !maps.Equal(fates, again) {
		t.Error("seed 1 twice: got different faults, want the same")
	}
	if maps.Equal(fates, other) {
		t.Error("seeds 1 and 2: got the same faults, want different ones")
	}
	if before, after := injected[faultstore.FailBefore], injected[faultstore.FailAfter]; before < 120 || before > 280 || after < 280 || after > 520 {
		t.Errorf("of 2000 calls: got %d failed before and %d after, want about 200 and 400", before, after)
	}
}

func TestSoleOwner(t *testing.T) {
	if !faultstore.New(memstore.New(), nil).SoleOwner() {
		t.Error("over memstore: got false, want true")
	}
	bare := faultstore.New(struct{ storage.Store }{memstore.New()}, nil)
	if bare.SoleOwner() {
		t.Error("over a store that does not say: got true, want false")
	}
	for _, err := range bare.Keys(t.Context()) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Keys over a store that cannot list: got %v, want %v", err, errors.ErrUnsupported)
		}
	}
}
