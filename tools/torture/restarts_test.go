//go:build torture

package torture

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/integration/localstack"
)

// TestRollingRestarts: servers behind a balancer are restarted one after the
// other under load. No request fails, and who follows a list is told of ever
// later revisions, the last one among them.
func TestRollingRestarts(t *testing.T) {
	log := newCommits()
	bucket := localstack.NewBucket(t)
	b := newBalancer(t)
	type running struct {
		*server
		*target
	}
	// The delay is what the balancer takes to notice, and some more.
	start := func(p *proxy) running {
		s := startServer(t, storeURL(bucket, p.URL), nil, "--shutdown-delay=1s")
		g := b.add(t, s.url)
		eventually(t, "a server is in rotation", func() bool { return b.isReady(g) })
		return running{s, g}
	}
	proxies := []*proxy{
		newProxy(t, "instance-0", chosen.seed, weather{}, "", log),
		newProxy(t, "instance-1", chosen.seed, weather{}, "", log),
	}
	servers := []running{start(proxies[0]), start(proxies[1])}

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
	following, leave := context.WithCancel(t.Context())
	defer leave()
	streams := &http.Client{Transport: &http.Transport{}}
	var group sync.WaitGroup
	var followers []*follower
	for i := range 9 {
		f := &follower{history: u.histories[i%len(u.histories)], http: streams, server: func() string { return b.URL }}
		followers = append(followers, f)
		group.Go(func() { f.run(following) })
	}
	for _, f := range followers {
		eventually(t, "a follower is told of the list", func() bool { return f.last() > 0 })
	}

	began := time.Now()
	for n := range chosen.restarts {
		i := n % len(servers)
		servers[i].stop()
		b.remove(servers[i].target)
		done := u.acknowledged.Load()
		servers[i] = start(proxies[i])
		eventually(t, "operations between two restarts", func() bool { return u.acknowledged.Load() >= done+50 })
		t.Logf("restart %d of %d, %d operations", n+1, chosen.restarts, u.acknowledged.Load())
	}
	took := time.Since(began)
	stop()
	load.Wait()
	for _, f := range followers {
		want := uint64(len(log.of(f.history.name).revisions))
		eventually(t, "a follower of "+f.history.name+" is told of the last revision", func() bool { return f.last() >= want })
	}
	leave()
	group.Wait()
	streams.CloseIdleConnections()

	var violations []violation
	for _, h := range u.histories {
		u.last(t, h, log.of(h.name), 0)
		violations = append(violations, h.judge(log.of(h.name))...)
	}
	for _, v := range violations[:min(len(violations), 20)] {
		t.Errorf("%s: %s", v.kind, v.text)
	}
	events, connected := 0, 0
	for _, f := range followers {
		events += f.events
		connected += f.streams
		for _, text := range f.failed {
			t.Errorf("a follower: %s", text)
		}
	}
	failed := u.unanswered.Load()
	t.Logf("TORTURE_SEED=%d: %d restarts in %v, %d operations acknowledged, %d refused, %d reads, %d requests failed; %d followers, %d streams, %d events; violations %d",
		chosen.seed, chosen.restarts, took.Round(100*time.Millisecond), u.acknowledged.Load(), u.refused.Load(), u.reads.Load(), failed, len(followers), connected, events, len(violations))
	if failed > 0 || u.unknown.Load() > 0 {
		t.Errorf("got %d requests failed and %d operations given up, want none", failed, u.unknown.Load())
	}
	for _, s := range servers {
		s.stop()
	}
}
