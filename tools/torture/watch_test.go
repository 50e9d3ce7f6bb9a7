//go:build torture

package torture

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestWatchAcrossInstances: what is written at one server is told by another,
// whose only way to know is the bucket. How soon is a figure, and no
// assertion: the goal is 1.3 s for 95 of 100.
func TestWatchAcrossInstances(t *testing.T) {
	const lists, writes = 4, 15
	bucket := newBucket(t)
	store := storeURL(bucket, endpoint)
	servers := []*server{startServer(t, store), startServer(t, store)}
	u := newUsers(chosen.seed, lists, func() []string { return []string{servers[0].url} })
	t.Cleanup(u.http.CloseIdleConnections)
	u.patient = true

	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	streams := &http.Client{Transport: &http.Transport{}}
	var group, following sync.WaitGroup
	var mu sync.Mutex
	var delays, own []time.Duration
	for i, h := range u.histories {
		told := make(chan uint64, writes)
		f := &follower{history: h, http: streams, server: func() string { return servers[1].url }, event: func(r uint64) {
			select {
			case told <- r:
			case <-ctx.Done():
			}
		}}
		following.Go(func() { f.run(ctx) })
		group.Go(func() {
			<-told // the list as it was found
			c := u.client(i)
			dice := rand.New(rand.NewPCG(chosen.seed, uint64(i)))
			for range writes {
				// Anywhere between two looks of the other server.
				timer := time.NewTimer(time.Duration(dice.Int64N(int64(time.Second))))
				<-timer.C
				op := c.choose(i, false)
				op.kind, op.uid = create, ""
				began := time.Now()
				c.write(ctx, i, []*operation{op})
				written := time.Since(began)
				if op.revision == 0 {
					t.Errorf("%v: got no acknowledgement", op)
					return
				}
				for limit := time.After(patience); ; {
					select {
					case r := <-told:
						if r < op.revision {
							continue
						}
					case <-limit:
						t.Errorf("%v: not told of within %v", op, patience)
						return
					}
					break
				}
				mu.Lock()
				delays, own = append(delays, time.Since(began)), append(own, written)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	leave()
	following.Wait()
	streams.CloseIdleConnections()
	for _, h := range u.histories {
		for _, v := range h.violations {
			t.Errorf("%s: %s", v.kind, v.text)
		}
	}
	slices.Sort(delays)
	slices.Sort(own)
	if n := len(delays); n > 0 {
		t.Logf("TORTURE_SEED=%d: from the beginning of %d writes at one server to the event of another: p50 %v, p95 %v, at most %v (goal: p95 1.3 s); of that the write itself: p50 %v, p95 %v",
			chosen.seed, n, delays[n/2].Round(time.Millisecond), delays[n*95/100].Round(time.Millisecond), delays[n-1].Round(time.Millisecond),
			own[n/2].Round(time.Millisecond), own[n*95/100].Round(time.Millisecond))
	}
	if len(delays) != lists*writes {
		t.Errorf("got %d writes told of, want %d", len(delays), lists*writes)
	}
	for _, s := range servers {
		s.stop()
	}
}
