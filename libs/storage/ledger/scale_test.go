package ledger_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// readCounter is a store without a sole owner.
type readCounter struct {
	storage.Store
	reads atomic.Int64
}

func (c *readCounter) Get(ctx context.Context, key string) (storage.Document, error) {
	c.reads.Add(1)
	return c.Store.Get(ctx, key)
}

// What a watched list costs in reads of the store, without and with hints, in
// virtual time: while it is quiet, and while another process changes it once a
// minute. SCALE_LISTS is how many lists there are; make scale runs 1,000.
func TestReadsOfWatchedLists(t *testing.T) {
	lists := 20
	if n, err := strconv.Atoi(os.Getenv("SCALE_LISTS")); err == nil {
		lists = n
	}
	const span = 10 * time.Minute
	perMonth := func(hints, busy bool) (month float64) {
		synctest.Test(t, func(t *testing.T) {
			memory, bus := memstore.New(), new(air)
			store := &readCounter{Store: memory}
			watching := ledger.Options[int]{Logger: quietly, Seed: 1, MaxKeys: lists}
			writing := watching
			if hints {
				watching.Hints, writing.Hints = bus.antenna(), bus.antenna()
			}
			here := ledger.New[int](store, watching)
			there := ledger.New[int](struct{ storage.Store }{memory}, writing)
			defer here.Close(context.Background())
			defer there.Close(context.Background())
			synctest.Wait()
			for i := range lists {
				if _, err := here.Watch(t.Context(), fmt.Sprint("list", i)); err != nil {
					t.Fatal(err)
				}
			}
			if !busy {
				time.Sleep(20 * time.Minute) // until it is quiet
			}
			before := store.reads.Load()
			for range span / time.Minute {
				for i := range lists {
					if busy {
						increment(t, there, fmt.Sprint("list", i))
					}
					time.Sleep(time.Minute / time.Duration(lists))
				}
			}
			month = float64(store.reads.Load()-before) / float64(lists) * float64(30*24*time.Hour/span)
		})
		return month
	}
	const price = 0.0004 / 1000 // of a GET; see README.md
	for _, c := range []struct {
		name  string
		busy  bool
		times float64
	}{{"quiet", false, 5}, {"changed once a minute", true, 20}} {
		without, with := perMonth(false, c.busy), perMonth(true, c.busy)
		t.Logf("%s: %.0f reads a list and month, $%.2f; with hints %.0f, $%.3f: %.1f times fewer", c.name, without, without*price, with, with*price, without/with)
		if without < c.times*with {
			t.Errorf("%s: got %.1f times fewer with hints, want at least %v", c.name, without/with, c.times)
		}
	}
}
