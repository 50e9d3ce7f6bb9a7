//go:build torture

package torture

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/integration/localstack"
	"github.com/gchamon/devops-challenge/tools/internal/balancer"
	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// TestRollingRestarts: servers behind a balancer are restarted one after the other
// under load. No request fails, and followers of a list get increasing revisions up
// to the last.
func TestRollingRestarts(t *testing.T) {
	log := newCommits()
	bucket := localstack.NewBucket(t)
	var commands [2]server.Command
	var servers [2]*server.Server
	for i := range servers {
		p := newProxy(t, fmt.Sprint("instance-", i), chosen.seed, weather{}, "", log)
		// The delay is longer than the balancer takes to notice.
		commands[i] = command(t, storeURL(bucket, p.URL), nil, "--shutdown-delay=1s")
		servers[i] = server.Start(t, commands[i])
	}
	// It checks ten times a second, and does not retry requests.
	b := balancer.Start(t, balancer.Front{Listen: freeport.Address(t), Paths: []string{"/"}, TargetGroup: balancer.TargetGroup{
		Path: "/readyz", Interval: 100 * time.Millisecond, Timeout: 2 * time.Second, HealthyThreshold: 1, UnhealthyThreshold: 2,
	}})
	var slots [2]int
	for i, s := range servers {
		var err error
		if slots[i], err = b.Register(s.Addr); err != nil {
			t.Fatal(err)
		}
	}
	inRotation := func() {
		eventually(t, "both servers are in rotation", func() bool {
			targets, err := b.Targets()
			return err == nil && targets[slots[0]].Healthy && targets[slots[1]].Healthy
		})
	}
	inRotation()

	u := newUsers(chosen.seed, 3, func() []string { return []string{b.URL} })
	t.Cleanup(u.http.CloseIdleConnections)
	u.patient = true
	u.left.Store(1 << 40)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	for i := range 8 {
		load.Go(func() { u.client(i).run(ctx) })
	}
	watching := u.follow(t.Context(), 3, func(int) string { return b.URL })
	for _, f := range watching.all {
		eventually(t, "a follower is told of the list", func() bool { return f.last() > 0 })
	}

	began := time.Now()
	for n := range chosen.restarts {
		i := n % len(servers)
		if err := servers[i].Stop(); err != nil {
			t.Error(err)
		}
		done := u.acknowledged.Load()
		servers[i] = server.Start(t, commands[i])
		inRotation()
		eventually(t, "operations between two restarts", func() bool { return u.acknowledged.Load() >= done+50 })
		t.Logf("restart %d of %d, %d operations", n+1, chosen.restarts, u.acknowledged.Load())
	}
	took := time.Since(began)
	stop()
	load.Wait()
	watching.settle(t, log)

	rep := report{users: u, violations: make(map[string][]string)}
	rep.read(t, log, 1)
	rep.judge(t)
	events, connected := 0, 0
	for _, f := range watching.all {
		events += f.events
		connected += f.streams
		for _, text := range f.failed {
			t.Errorf("a follower: %s", text)
		}
	}
	failed := u.unanswered.Load()
	t.Logf("TORTURE_SEED=%d: %d restarts in %v, %d operations acknowledged, %d refused, %d reads, %d requests failed; %d followers, %d streams, %d events; violations %d",
		chosen.seed, chosen.restarts, took.Round(100*time.Millisecond), u.acknowledged.Load(), u.refused.Load(), u.reads.Load(), failed, len(watching.all), connected, events, rep.found())
	if failed > 0 || u.unknown.Load() > 0 {
		t.Errorf("got %d requests failed and %d operations given up, want none", failed, u.unknown.Load())
	}
	for _, s := range servers {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
}
