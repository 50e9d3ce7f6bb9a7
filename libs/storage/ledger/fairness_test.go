package ledger_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

type load struct {
	rate          float64 // operations a second
	p50, p99, max time.Duration
	perWrite      float64
	share         float64 // what the slowest process got of a fair share
}

func (l load) String() string {
	return fmt.Sprintf("%4.0f/s p50 %v p99 %v max %v, %.1f operations a write, slowest process %.2f of its share",
		l.rate, l.p50.Round(time.Millisecond), l.p99.Round(time.Millisecond), l.max.Round(time.Millisecond), l.perWrite, l.share)
}

// hammer lets processes with 64 clients each work on one key for a while of
// virtual time at 40 ms a call of the store, each client as fast as it is
// answered. The latencies are those of the process that fares worst, and
// count what was still waiting at the end.
func hammer(t *testing.T, processes int, options func(ledger.Options[int]) ledger.Options[int]) (result load) {
	synctest.Test(t, func(t *testing.T) {
		const clients, duration = 64, 10 * time.Second
		b := newBucket()
		var mu sync.Mutex
		latencies := make([][]time.Duration, processes)
		counts := make([]int, processes)
		ctx, cancel := context.WithTimeout(context.Background(), duration)
		defer cancel()
		var ledgers []*ledger.Ledger[int]
		var wg sync.WaitGroup
		for p := range processes {
			o := ledger.Options[int]{Seed: uint64(p) + 1, RememberMax: 512}
			if options != nil {
				o = options(o)
			}
			l := ledger.New(b.client(strconv.Itoa(p), 1, calm), o)
			ledgers = append(ledgers, l)
			for range clients {
				wg.Go(func() {
					for {
						began := time.Now()
						_, err := l.Update(ctx, "hot", ledger.Op[int]{Apply: add(1)})
						mu.Lock()
						latencies[p] = append(latencies[p], time.Since(began))
						if err == nil {
							counts[p]++
						}
						mu.Unlock()
						if err != nil {
							return
						}
						time.Sleep(time.Millisecond) // the client's own part
					}
				})
			}
		}
		wg.Wait()
		for _, l := range ledgers {
			_ = l.Close(context.Background())
		}
		total := 0
		for p := range processes {
			total += counts[p]
			all := latencies[p]
			slices.Sort(all)
			n := len(all)
			result.p50 = max(result.p50, all[n/2])
			result.p99 = max(result.p99, all[n*99/100])
			result.max = max(result.max, all[n-1])
		}
		result.rate = float64(total) / duration.Seconds()
		result.perWrite = float64(total) / float64(b.writes)
		result.share = float64(slices.Min(counts)*processes) / float64(total)
	})
	return result
}

// Time is virtual, so the test compares round trips and not the speed of the
// machine. It fails with TORTURE_ABLATION=yield, which drops the yield.
func TestFairness(t *testing.T) {
	var options func(ledger.Options[int]) ledger.Options[int]
	if os.Getenv("TORTURE_ABLATION") == "yield" {
		options = ledger.WithoutYield[int]
	}
	one := hammer(t, 1, options)
	t.Logf("one process:     %v", one)
	for _, c := range []struct {
		processes int
		p99       time.Duration
	}{{2, 500 * time.Millisecond}, {3, time.Second}} {
		got := hammer(t, c.processes, options)
		t.Logf("%d processes:     %v", c.processes, got)
		if got.p99 > c.p99 {
			t.Errorf("%d processes: p99: got %v, want at most %v", c.processes, got.p99, c.p99)
		}
		if got.rate < 0.75*one.rate {
			t.Errorf("%d processes: rate: got %.0f/s, want at least 0.75 of one process's %.0f/s", c.processes, got.rate, one.rate)
		}
		without := hammer(t, c.processes, ledger.WithoutYield[int])
		t.Logf("  without yield: %v", without)
		if without.p99 <= c.p99 {
			t.Errorf("%d processes that never yield: p99 is %v, so this test does not show that yielding is needed", c.processes, without.p99)
		}
	}
}
