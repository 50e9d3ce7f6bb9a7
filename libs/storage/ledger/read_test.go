package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

func increment(t *testing.T, l *ledger.Ledger[int], key string) {
	t.Helper()
	if _, err := l.Update(t.Context(), key, ledger.Op[int]{Apply: add(1)}); err != nil {
		t.Fatal(err)
	}
}

func TestReadersShareOneRead(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		before, _ := s.counts()
		var wg sync.WaitGroup
		readers := func(n int, took time.Duration) {
			for range n {
				wg.Go(func() {
					began := time.Now()
					got, err := l.Read(t.Context(), "k")
					if err != nil || got.Doc != 1 || got.Age != 0 || time.Since(began) != took {
						t.Errorf("got %d, age %v, %v after %v, want 1 after %v", got.Doc, got.Age, err, time.Since(began), took)
					}
				})
			}
			synctest.Wait()
		}
		readers(1, 40*time.Millisecond)
		time.Sleep(10 * time.Millisecond)
		readers(500, 70*time.Millisecond) // the rest of the one under way, and their own
		wg.Wait()
		if gets, _ := s.counts(); gets-before != 2 {
			t.Errorf("reads of the store: got %d, want 2", gets-before)
		}
	})
}

func TestSoleOwnerReadsMemory(t *testing.T) {
	store := memstore.New()
	s := &counting{Store: store}
	l := open(t, storage.Store(s), ledger.Options[int]{})
	increment(t, l, "k")
	for range 100 {
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 {
			t.Fatalf("got %d, %v", got.Doc, err)
		}
	}
	if s.gets != 1 {
		t.Errorf("reads of the store: got %d, want the first alone", s.gets)
	}
}

type counting struct {
	*memstore.Store
	gets int
}

func (c *counting) Get(ctx context.Context, key string) (storage.Document, error) {
	c.gets++
	return c.Store.Get(ctx, key)
}

func (c *counting) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	c.gets++
	return c.Store.GetIfChanged(ctx, key, known)
}

// All snapshots of one revision share one Doc.
func TestSnapshotsShareTheDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ledger.New(newScripted(newBucket()), ledger.Options[*int]{})
		r, err := l.Update(t.Context(), "k", ledger.Op[*int]{Apply: func(ledger.State[*int]) (ledger.Change[*int], error) {
			return ledger.Change[*int]{Doc: new(int)}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != r.Snapshot.Doc {
				t.Errorf("got %p, %v, want %p", got.Doc, err, r.Snapshot.Doc)
			}
		}
		_ = l.Close(t.Context())
	})
}

func TestStoreAway(t *testing.T) {
	var mu sync.Mutex
	var away []bool
	stale := 0
	told := func() ([]bool, int) {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(away), stale
	}
	o := ledger.Options[int]{StaleFor: time.Minute, Observer: ledger.Observer{
		Away: func(a bool) {
			mu.Lock()
			defer mu.Unlock()
			away = append(away, a)
		},
		StaleRead: func(string, time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			stale++
		},
	}}
	inBubble(t, o, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		s.setCut(true)
		gone := time.Now()
		var worst time.Duration
		for time.Since(gone) < 50*time.Second {
			began := time.Now()
			got, err := l.Read(t.Context(), "k")
			if err != nil || got.Doc != 1 || got.Age <= 0 {
				t.Fatalf("%v into the outage: got %d, age %v, %v", time.Since(gone), got.Doc, got.Age, err)
			}
			if since := time.Since(gone); got.Age < since || got.Age > since+100*time.Millisecond {
				t.Errorf("age: got %v, %v into the outage", got.Age, since)
			}
			if time.Since(gone) > 3*time.Second {
				worst = max(worst, time.Since(began))
			}
			time.Sleep(500 * time.Millisecond)
		}
		if worst > 50*time.Millisecond {
			t.Errorf("a read while the store is known away took %v", worst)
		}
		if away, stale := told(); !slices.Equal(away, []bool{true}) || stale == 0 || !l.Stats().Away {
			t.Errorf("told: away %v, %d stale reads, stats %+v", away, stale, l.Stats())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := l.Read(ctx, "unseen"); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("without a copy: got %v, want ErrUnavailable", err)
		}
		began := time.Now()
		_, err := l.Update(ctx, "k", ledger.Op[int]{Apply: add(100)})
		if !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second {
			t.Errorf("write: got %v after %v", err, time.Since(began))
		}
		cancel()
		time.Sleep(15 * time.Second)
		if got, err := l.Read(t.Context(), "k"); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("older than StaleFor: got age %v, %v, want ErrUnavailable", got.Age, err)
		}
		// A write that is waiting when the store returns lands by itself.
		var wg sync.WaitGroup
		var landed time.Time
		wg.Go(func() {
			if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
				t.Error(err)
			}
			landed = time.Now()
		})
		time.Sleep(20 * time.Second)
		s.setCut(false)
		back := time.Now()
		for {
			if got, err := l.Read(t.Context(), "k"); err == nil && got.Age == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(back); took > 5*time.Second {
			t.Errorf("reads recovered after %v", took)
		}
		wg.Wait()
		if took := landed.Sub(back); took > 5*time.Second {
			t.Errorf("the write recovered after %v", took)
		}
		got, err := l.Read(t.Context(), "k")
		if away, _ := told(); err != nil || got.Doc < 2 || !slices.Equal(away, []bool{true, false}) {
			t.Errorf("after recovery: got %d, %v, told %v", got.Doc, err, away)
		}
	})
}

// Without StaleFor, no copy answers.
func TestNoCopyByDefault(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		s.setCut(true)
		for range 10 {
			if got, err := l.Read(t.Context(), "k"); !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("read: got %+v, %v, want %v", got, err, storage.ErrUnavailable)
			}
			time.Sleep(time.Second)
		}
	})
}

// A store that accepts connections and never answers is away, too.
func TestStoreHangs(t *testing.T) {
	inBubble(t, ledger.Options[int]{StaleFor: time.Minute}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		s.onGet = func(ctx context.Context, _ int, _ func() (storage.Document, bool, error)) (storage.Document, bool, error) {
			<-ctx.Done()
			return storage.Document{}, false, &storage.Error{Op: "get", Err: ctx.Err()}
		}
		for i := range 10 {
			began := time.Now()
			got, err := l.Read(t.Context(), "k")
			took := time.Since(began)
			if err != nil || got.Doc != 1 || got.Age == 0 {
				t.Fatalf("read %d: got %+v, %v", i, got, err)
			}
			if i == 0 && took > 2*time.Second || i >= 2 && took > 50*time.Millisecond {
				t.Errorf("read %d took %v", i, took)
			}
			time.Sleep(2 * time.Second)
		}
		s.mu.Lock()
		s.onGet = nil
		s.mu.Unlock()
		time.Sleep(5 * time.Second)
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Age != 0 {
			t.Errorf("5s after the store's return: age %v, %v", got.Age, err)
		}
	})
}

// One failed call is not an outage.
func TestReadsRetry(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		before, _ := s.counts()
		s.onGet = func(_ context.Context, n int, do func() (storage.Document, bool, error)) (storage.Document, bool, error) {
			if n <= before+2 {
				return storage.Document{}, false, &storage.Error{Op: "get", Err: storage.ErrUnavailable}
			}
			return do()
		}
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 || got.Age != 0 {
			t.Errorf("got %+v, %v, want a fresh answer", got, err)
		}
	})
}

func TestDamageStopsOneKeyUntilRepaired(t *testing.T) {
	var logged bytes.Buffer
	var told []string
	o := ledger.Options[int]{
		Logger:   slog.New(slog.NewTextHandler(&logged, nil)),
		Observer: ledger.Observer{Damaged: func(key string, err error) { told = append(told, fmt.Sprint(key, ": ", err)) }},
	}
	inBubble(t, o, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		increment(t, l, "other")
		good, _ := s.b.get("k")
		bad := bytes.Replace(good, []byte(`"rev":1`), []byte(`"rev":-1`), 1)
		s.b.objects["k"] = bad
		for range 3 {
			_, rerr := l.Read(t.Context(), "k")
			_, uerr := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)})
			for _, err := range []error{rerr, uerr} {
				if !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), `"k"`) || !strings.Contains(err.Error(), "/rev") {
					t.Errorf("got %v, want ErrDamaged with key and place", err)
				}
			}
		}
		if body, _ := s.b.get("k"); !bytes.Equal(body, bad) {
			t.Errorf("the damaged document was overwritten: %s", body)
		}
		if len(told) != 1 || strings.Count(logged.String(), "damaged") == 0 {
			t.Errorf("told %q, logged %q; want it once and loudly", told, &logged)
		}
		increment(t, l, "other")
		s.b.objects["k"] = good
		increment(t, l, "k")
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 2 || got.Revision != 2 {
			t.Errorf("after the repair: got %d at %d, %v", got.Doc, got.Revision, err)
		}
	})
}

// An operator may put an older state back; revisions still only grow.
func TestRestoredByHand(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "k")
		old, _ := s.b.get("k")
		for range 4 {
			increment(t, l, "k")
		}
		s.b.objects["k"] = old
		if got, err := l.Read(t.Context(), "k"); err != nil || got.Doc != 1 || got.Revision != 1 {
			t.Errorf("got %d at %d, %v, want what is stored", got.Doc, got.Revision, err)
		}
		r, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(1)})
		if err != nil || r.Revision != 6 || r.Snapshot.Doc != 2 {
			t.Errorf("got %d at %d, %v, want 2 at 6", r.Snapshot.Doc, r.Revision, err)
		}
	})
}

func TestIdleKeysLeave(t *testing.T) {
	inBubble(t, ledger.Options[int]{IdleAfter: time.Minute}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		increment(t, l, "a")
		increment(t, l, "watched")
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := l.Watch(ctx, "watched"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if n := l.Stats().Keys; n != 1 {
			t.Errorf("keys: got %d, want the watched one", n)
		}
		cancel()
		time.Sleep(2 * time.Minute)
		if n := l.Stats(); n.Keys != 0 || n.Watches != 0 {
			t.Errorf("stats: got %+v, want none", n)
		}
		if got, err := l.Read(t.Context(), "a"); err != nil || got.Doc != 1 {
			t.Errorf("a key that left: got %d, %v", got.Doc, err)
		}
	})
}
