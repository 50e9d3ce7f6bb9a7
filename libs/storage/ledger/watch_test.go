package ledger_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

func TestWatchAcrossLedgers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket()
		here := ledger.New(newScripted(b), ledger.Options[int]{Seed: 1})
		there := ledger.New(newScripted(b), ledger.Options[int]{Seed: 2})
		ctx, cancel := context.WithCancel(t.Context())
		ch, err := here.Watch(ctx, "k")
		if err != nil {
			t.Fatal(err)
		}
		if first := <-ch; first.Exists || first.Revision != 0 {
			t.Errorf("first: got %+v, want the document that is not there", first)
		}
		var delays []time.Duration
		for i := range 200 {
			time.Sleep(time.Duration(137*i%1000) * time.Millisecond)
			increment(t, there, "k")
			landed := time.Now()
			if got := <-ch; got.Doc != i+1 {
				t.Fatalf("got %d, want %d", got.Doc, i+1)
			}
			delays = append(delays, time.Since(landed))
		}
		slices.Sort(delays)
		if p95 := delays[len(delays)*95/100]; p95 > 1300*time.Millisecond {
			t.Errorf("95th percentile: got %v, want at most 1.3s", p95)
		}
		increment(t, here, "k")
		landed := time.Now()
		if got := <-ch; got.Doc != 201 || time.Since(landed) != 0 {
			t.Errorf("what landed here: got %d, %v after its acknowledgement, want 201 at once", got.Doc, time.Since(landed))
		}
		cancel()
		if _, open := <-ch; open {
			t.Error("the channel is open after its context ended")
		}
		_ = here.Close(t.Context())
		_ = there.Close(t.Context())
	})
}

func TestWatchSlowsDownWhileQuiet(t *testing.T) {
	inBubble(t, ledger.Options[int]{}, func(t *testing.T, l *ledger.Ledger[int], s *scripted) {
		if _, err := l.Watch(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		last, _ := s.counts()
		during := func(d time.Duration) int {
			time.Sleep(d)
			gets, _ := s.counts()
			n := gets - last
			last = gets
			return n
		}
		between := func(what string, got, low, high int) {
			t.Helper()
			if got < low || got > high {
				t.Errorf("reads %s: got %d, want %d to %d", what, got, low, high)
			}
		}
		between("in the first minute", during(time.Minute), 50, 65)
		during(9 * time.Minute)
		between("in a minute after ten", during(time.Minute), 5, 7)
		between("in an hour", during(time.Hour), 340, 380)
		increment(t, l, "k")
		between("in the minute after a change", during(time.Minute), 50, 65)
	})
}

func TestWatchSoleOwnerNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counting{Store: memstore.New()}
		l := ledger.New(s, ledger.Options[int]{})
		ch, err := l.Watch(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		<-ch
		time.Sleep(time.Hour)
		increment(t, l, "k")
		if got := <-ch; got.Doc != 1 {
			t.Errorf("got %d, want 1", got.Doc)
		}
		if s.gets != 1 {
			t.Errorf("reads of the store: got %d, want 1", s.gets)
		}
		_ = l.Close(t.Context())
		if _, open := <-ch; open {
			t.Error("the channel is open after Close")
		}
	})
}

// A receiver that does not look sees the newest, and never an older one.
func TestWatchConflates(t *testing.T) {
	l := open(t, memstore.New(), ledger.Options[int]{})
	ch, err := l.Watch(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		increment(t, l, "k")
	}
	if got := <-ch; got.Doc != 10 {
		t.Errorf("got %d, want the newest, 10", got.Doc)
	}
	select {
	case got := <-ch:
		t.Errorf("got %d as well", got.Doc)
	default:
	}
}
