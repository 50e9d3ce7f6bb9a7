package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// air carries hints between the ledgers of one test, as a bus does: at most
// once, to all listeners, the sender too.
type air struct {
	mu    sync.Mutex
	ears  map[*antenna]struct{}
	lossy bool // hints that are sent do not arrive
}

// antenna is one process's way to the bus.
type antenna struct {
	air    *air
	hinted func(ledger.Hint)
	arrive func(error)
}

func (a *air) antenna() *antenna { return &antenna{air: a} }

func (n *antenna) Publish(h ledger.Hint) { n.air.send(h) }

func (a *air) send(h ledger.Hint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for n := range a.ears {
		if !a.lossy {
			n.hinted(h)
		}
	}
}

func (n *antenna) Listen(ctx context.Context, hinted func(ledger.Hint), listening func(error)) {
	n.air.mu.Lock()
	if n.air.ears == nil {
		n.air.ears = make(map[*antenna]struct{})
	}
	n.hinted, n.arrive = hinted, listening
	n.air.ears[n] = struct{}{}
	n.air.mu.Unlock()
	listening(nil)
	<-ctx.Done()
	n.air.mu.Lock()
	delete(n.air.ears, n)
	n.air.mu.Unlock()
}

// liar is an antenna that loses half of the hints, invents others, and sometimes
// reports that hints do not arrive.
type liar struct {
	*antenna
	dice *rand.Rand
}

func (n *liar) Listen(ctx context.Context, hinted func(ledger.Hint), listening func(error)) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for ctx.Err() == nil {
			mu.Lock()
			pause := time.Duration(n.dice.Int64N(int64(50 * time.Millisecond)))
			hint := ledger.Hint{Key: fmt.Sprint("key", n.dice.IntN(3)), Revision: n.dice.Uint64N(60)}
			toggle := n.dice.IntN(20)
			mu.Unlock()
			timer := time.NewTimer(pause + 1)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			n.air.mu.Lock()
			switch toggle {
			case 0:
				listening(errors.New("invented"))
			case 1:
				listening(nil)
			default:
				hinted(hint)
			}
			n.air.mu.Unlock()
		}
	})
	n.antenna.Listen(ctx, func(h ledger.Hint) {
		mu.Lock()
		lost := n.dice.IntN(2) == 0
		mu.Unlock()
		if !lost {
			hinted(h)
		}
	}, func(err error) {
		n.air.mu.Lock()
		defer n.air.mu.Unlock()
		listening(err)
	})
}

// hinting is two ledgers on one bucket and one bus.
type hinting struct {
	air          *air
	here, there  *ledger.Ledger[int]
	store, other *scripted
	antenna      *antenna // of here
	log          *bytes.Buffer
	mu           sync.Mutex
	outcomes     map[ledger.HintOutcome]int // of here
}

// came returns how often hints came to an outcome.
func (h *hinting) came(o ledger.HintOutcome) int {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.outcomes[o]
}

// logged returns how many lines of the log have text.
func (h *hinting) logged(text string) int {
	synctest.Wait()
	return strings.Count(h.log.String(), text)
}

func withHints(t *testing.T, f func(t *testing.T, h *hinting)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket()
		h := &hinting{air: new(air), store: newScripted(b), other: newScripted(b), log: new(bytes.Buffer), outcomes: make(map[ledger.HintOutcome]int)}
		h.antenna = h.air.antenna()
		h.here = ledger.New(h.store, ledger.Options[int]{
			Seed: 1, Hints: h.antenna, Logger: slog.New(slog.NewTextHandler(h.log, nil)),
			Observer: ledger.Observer{Hint: func(_ string, o ledger.HintOutcome) {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.outcomes[o]++
			}},
		})
		h.there = ledger.New(h.other, ledger.Options[int]{Seed: 2, Hints: h.air.antenna(), Logger: quietly})
		defer func() {
			_ = h.here.Close(context.Background())
			_ = h.there.Close(context.Background())
		}()
		synctest.Wait()
		f(t, h)
	})
}

// watch returns the channel of here's "k" behind its first snapshot.
func (h *hinting) watch(t *testing.T) <-chan ledger.Snapshot[int] {
	t.Helper()
	ch, err := h.here.Watch(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	<-ch
	return ch
}

// reads returns how often here reads its store while d passes.
func (h *hinting) reads(d time.Duration) int {
	before, _ := h.store.counts()
	time.Sleep(d)
	after, _ := h.store.counts()
	return after - before
}

func between(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: got %d, want %d to %d", what, got, low, high)
	}
}

func TestHintsTellOfChanges(t *testing.T) {
	withHints(t, func(t *testing.T, h *hinting) {
		ch := h.watch(t)
		var delays []time.Duration
		for i := range 200 {
			time.Sleep(time.Duration(137*i%100_000) * time.Millisecond)
			increment(t, h.there, "k")
			landed := time.Now()
			if got := <-ch; got.Doc != i+1 {
				t.Fatalf("got %d, want %d", got.Doc, i+1)
			}
			delays = append(delays, time.Since(landed))
		}
		slices.Sort(delays)
		if p95 := delays[len(delays)*95/100]; p95 > 100*time.Millisecond {
			t.Errorf("95th percentile with 40 ms a call: got %v, want at most 100ms", p95)
		}
		for outcome, want := range map[ledger.HintOutcome]int{ledger.HintFound: 200, ledger.HintFalse: 0, ledger.HintMissed: 0} {
			if got := h.came(outcome); got != want {
				t.Errorf("hints %s: got %d, want %d", outcome, got, want)
			}
		}
	})
}

func TestHintsSlowPollingDown(t *testing.T) {
	withHints(t, func(t *testing.T, h *hinting) {
		ch := h.watch(t)
		h.reads(time.Minute)
		between(t, "reads in a quiet hour", h.reads(time.Hour), 55, 66)
		increment(t, h.there, "k")
		<-ch
		between(t, "reads in the hour after a change elsewhere", h.reads(time.Hour), 55, 66)
		increment(t, h.here, "k")
		<-ch
		between(t, "reads in the hour after a change here", h.reads(time.Hour), 55, 66)
	})
}

func TestHintsCease(t *testing.T) {
	withHints(t, func(t *testing.T, h *hinting) {
		ch := h.watch(t)
		h.reads(time.Hour)
		h.antenna.arrive(errors.New("the bus is gone"))
		h.antenna.arrive(errors.New("the bus is still gone"))
		h.air.lossy = true
		between(t, "reads in an hour without the bus", h.reads(time.Hour), 340, 380)
		increment(t, h.there, "k")
		if landed := time.Now(); (<-ch).Doc != 1 || time.Since(landed) > 11100*time.Millisecond {
			t.Errorf("a change without the bus was seen after %v, want 11.1 s at most", time.Since(landed))
		}
		between(t, "reads in the minute after a change without the bus", h.reads(time.Minute), 50, 65)

		// What landed while hints were missed is found soon after they arrive.
		h.reads(time.Hour)
		increment(t, h.there, "k")
		h.air.lossy = false
		h.antenna.arrive(nil)
		if back := time.Now(); (<-ch).Doc != 2 || time.Since(back) > 100*time.Millisecond {
			t.Errorf("a change that was missed was seen %v after the bus was back, want 100 ms at most", time.Since(back))
		}
		between(t, "reads in an hour with the bus again", h.reads(time.Hour), 55, 66)
		if got := h.came(ledger.HintMissed); got != 0 {
			t.Errorf("hints missed: got %d, want none, as none were expected", got)
		}
		for text, want := range map[string]int{"hints of other servers do not arrive": 1, "the bus is gone": 1, "hints of other servers arrive": 2} {
			if got := h.logged(text); got != want {
				t.Errorf("log lines with %q: got %d, want %d", text, got, want)
			}
		}
	})
}

// Once the bus is back, each watched key is read once, spread over time. A bus that
// fails again and again causes no more reads than polling does.
func TestHintsComeBack(t *testing.T) {
	withHints(t, func(t *testing.T, h *hinting) {
		const keys = 500
		for i := range keys {
			if _, err := h.here.Watch(t.Context(), fmt.Sprint("key", i)); err != nil {
				t.Fatal(err)
			}
		}
		h.reads(time.Hour)
		h.antenna.arrive(errors.New("gone"))
		h.reads(time.Minute) // polled every 10 s
		h.antenna.arrive(nil)
		between(t, "reads in the first 250 ms", h.reads(250*time.Millisecond), keys*4/10, keys*6/10)
		between(t, "reads in the next 250 ms", h.reads(250*time.Millisecond), keys*3/10, keys*6/10)
		h.reads(time.Second) // of keys that were polled in the second before
		between(t, "reads in the ten seconds after them", h.reads(10*time.Second), 0, 1)
		before, _ := h.store.counts()
		for range 600 {
			h.antenna.arrive(errors.New("gone"))
			h.antenna.arrive(nil)
			time.Sleep(100 * time.Millisecond)
		}
		after, _ := h.store.counts()
		between(t, "reads of a key in a minute of failures", (after-before)/keys, 30, 61)
	})
}

func TestHintsMissed(t *testing.T) {
	withHints(t, func(t *testing.T, h *hinting) {
		ch := h.watch(t)
		h.reads(time.Hour)
		h.air.lossy = true
		increment(t, h.there, "k")
		if landed := time.Now(); (<-ch).Doc != 1 || time.Since(landed) > 67*time.Second {
			t.Errorf("a change whose hint was lost was seen after %v, want 67 s at most", time.Since(landed))
		}
		between(t, "reads in the minute after a change without a hint", h.reads(time.Minute), 50, 65)
		for range 3 {
			increment(t, h.there, "k")
			<-ch
		}
		if got := h.logged("a change arrived without a hint"); got != 1 {
			t.Errorf("log lines of missed hints: got %d, want 1", got)
		}
		if h.came(ledger.HintMissed) == 0 {
			t.Error("no hint counted as missed")
		}
		h.air.lossy = false
		increment(t, h.there, "k")
		if got := (<-ch).Doc; got != 5 {
			t.Errorf("got %d, want 5", got)
		}
		h.reads(time.Minute)
		between(t, "reads in an hour with hints again", h.reads(time.Hour), 55, 66)
	})
}

// A bus that lies costs no more reads than polling does, and nothing else.
func TestHintsThatLie(t *testing.T) {
	withHints(t, func(t *testing.T, h *hinting) {
		for range 5 {
			increment(t, h.there, "k")
		}
		ch := h.watch(t)
		h.reads(time.Minute)
		flood := func(d time.Duration, hint func(i int) ledger.Hint) int {
			before, _ := h.store.counts()
			for i := range int(d / time.Millisecond) {
				h.air.send(hint(i))
				time.Sleep(time.Millisecond)
			}
			after, _ := h.store.counts()
			return after - before
		}
		between(t, "reads in a minute of revisions to come", flood(time.Minute, func(i int) ledger.Hint {
			return ledger.Hint{Key: "k", Revision: 1<<63 + uint64(i)}
		}), 1, 62)
		h.reads(time.Minute)
		between(t, "reads in a minute of deletions", flood(time.Minute, func(int) ledger.Hint { return ledger.Hint{Key: "k"} }), 1, 62)
		h.reads(time.Minute)
		between(t, "reads in a minute of old revisions", flood(time.Minute, func(i int) ledger.Hint {
			return ledger.Hint{Key: "k", Revision: uint64(1 + i%5)}
		}), 0, 2)
		between(t, "reads in a minute of other keys", flood(time.Minute, func(i int) ledger.Hint {
			return ledger.Hint{Key: string(rune('a'+i%7)) + "\x00/../", Revision: 9}
		}), 0, 2)
		if got := h.here.Stats().Keys; got != 1 {
			t.Errorf("keys in memory: got %d, want 1", got)
		}
		increment(t, h.there, "k")
		if landed := time.Now(); (<-ch).Doc != 6 || time.Since(landed) > 1100*time.Millisecond {
			t.Errorf("a change behind lies was seen after %v, want 1.1 s at most", time.Since(landed))
		}
		increment(t, h.there, "k")
		if landed := time.Now(); (<-ch).Doc != 7 || time.Since(landed) > 100*time.Millisecond {
			t.Errorf("the change behind it was seen after %v, want 100 ms at most", time.Since(landed))
		}

		// It was detected, and does not hide that a true hint is lost.
		h.air.send(ledger.Hint{Key: "k", Revision: 1 << 63})
		h.reads(time.Hour)
		h.air.lossy = true
		increment(t, h.there, "k")
		<-ch
		between(t, "reads in the minute after a change without a hint", h.reads(time.Minute), 50, 65)
	})
}

// A writer that got a hint at another's commit reads first, and avoids a conflict.
func TestHintsSaveConflicts(t *testing.T) {
	withHints(t, func(t *testing.T, h *hinting) {
		for range 10 {
			increment(t, h.here, "k")
			increment(t, h.there, "k")
			time.Sleep(time.Second)
		}
		_, here := h.store.counts()
		_, there := h.other.counts()
		if got := here + there; got > 21 {
			t.Errorf("writes of 20 increments in turn: got %d, want at most 21", got)
		}
		if got, err := h.here.Read(t.Context(), "k"); err != nil || got.Doc != 20 {
			t.Errorf("got %d, %v, want 20", got.Doc, err)
		}
	})
}

func TestHintsOfDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A store without a sole owner.
		store, bus := struct{ storage.Store }{memstore.New()}, new(air)
		here := ledger.New(store, ledger.Options[int]{Hints: bus.antenna(), Logger: quietly})
		there := ledger.New(store, ledger.Options[int]{Hints: bus.antenna(), Logger: quietly})
		defer here.Close(context.Background())
		defer there.Close(context.Background())
		increment(t, here, "k")
		ch, err := here.Watch(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		<-ch
		time.Sleep(time.Hour)
		if err := there.Forget(t.Context(), "k", nil); err != nil {
			t.Fatal(err)
		}
		if landed := time.Now(); (<-ch).Exists || time.Since(landed) != 0 {
			t.Errorf("the deletion was seen after %v, want at once", time.Since(landed))
		}
		increment(t, there, "k")
		if landed := time.Now(); (<-ch).Doc != 1 || time.Since(landed) != 0 {
			t.Errorf("the key that began anew was seen after %v, want at once", time.Since(landed))
		}
	})
}
