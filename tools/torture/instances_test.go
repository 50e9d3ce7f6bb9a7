//go:build torture

package torture

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/integration/localstack"
	"github.com/gchamon/devops-challenge/tools/internal/server"
	"github.com/gchamon/devops-challenge/tools/internal/siege"
)

// world is servers that share a bucket, each behind a proxy, and their clients.
type world struct {
	instances, clients, lists, operations int
	seed                                  uint64
	weather                               weather
	ablation                              string
	progress                              bool
	search                                time.Duration // how long porcupine may take
	kills                                 int           // of servers, while the clients work
	away                                  time.Duration // one server's store, while the clients work
	bus                                   *bus          // by which the servers hint to one another; nil for none
	hostile                               bool          // attack the servers, while the clients work
}

type report struct {
	world
	*users
	siege      *siege.Siege // nil without attacks
	took       time.Duration
	injected   [faults]int64
	unclear    int64
	revisions  int
	samples    [4]int // histories linearizable, operations in them, histories undecided, wrong
	killed     int
	violations map[string][]string
}

func (w world) start(t *testing.T, bucket string, p *proxy) *server.Server {
	store := storeURL(bucket, p.URL)
	if w.ablation == noIfMatch || w.ablation == conflictAsSuccess {
		store += "&probe=off" // it would be refused at the start
	}
	if w.hostile {
		return startHostage(t, store)
	}
	return startServer(t, store, w.bus.environ())
}

// away makes the store unreachable for the first server, refused and then hanging,
// and reads from that server.
func (u *users) away(p *proxy, d time.Duration) {
	reader := u.client(0)
	reader.read(0) // so that the server has the list in memory
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, way := range []int32{refused, hanging} {
		p.cut.Store(way)
		for end := time.Now().Add(d / 2); time.Now().Before(end); <-tick.C {
			reader.read(0)
		}
	}
	p.cut.Store(open)
}

// begun waits until n operations have begun, and returns false if the clients end
// before.
func (u *users) begun(n int64, w world, worked <-chan struct{}) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for int64(w.operations)-u.left.Load() < n {
		select {
		case <-worked:
			return false
		case <-tick.C:
		}
	}
	return true
}

func (w world) run(t *testing.T) report {
	log := newCommits()
	w.bus.toggle()
	bucket := localstack.NewBucket(t)
	var proxies []*proxy
	var servers []*server.Server
	for i := range w.instances {
		p := newProxy(t, fmt.Sprint("instance-", i), w.seed, w.weather, w.ablation, log)
		p.calm.Store(true)
		proxies = append(proxies, p)
		servers = append(servers, w.start(t, bucket, p))
	}
	var addresses atomic.Value
	publish := func() {
		var all []string
		for _, s := range servers {
			all = append(all, s.URL)
		}
		addresses.Store(all)
	}
	publish()
	current := func() []string { return addresses.Load().([]string) }
	var attacks *siege.Siege
	if w.hostile {
		attacks = siege.New(t, current, time.Second)
	}
	for _, p := range proxies {
		p.calm.Store(false)
	}
	u := newUsers(w.seed, w.lists, current)
	t.Cleanup(u.http.CloseIdleConnections)
	u.ablation = w.ablation
	if w.ablation == noMemory {
		u.haste = 3 // only repeated requests show it
	}
	u.left.Store(int64(w.operations))
	watching := &followers{leave: func() {}}
	if w.bus != nil {
		// The first server's store goes away.
		watching = u.follow(t.Context(), w.instances-1, func(n int) string { return current()[n+1] })
	}
	defer watching.leave()

	rep := report{world: w, users: u, siege: attacks, violations: make(map[string][]string)}
	began := time.Now()
	stop := make(chan struct{})
	var watch, group sync.WaitGroup
	if w.progress {
		watch.Go(func() { rep.show(t, stop, proxies) })
	}
	for i := range w.instances * w.clients {
		group.Go(func() { u.client(i).run(t.Context()) })
	}
	endSiege := func() {}
	if w.hostile {
		endSiege = attacks.Begin(6)
	}
	worked := make(chan struct{})
	go func() {
		group.Wait()
		close(worked)
	}()
	for n := range w.kills {
		at := int64(w.operations) * int64(n+1) / int64(w.kills+1)
		if !u.begun(at, w, worked) {
			break
		}
		servers[n%len(servers)].Kill()
		servers[n%len(servers)] = w.start(t, bucket, proxies[n%len(servers)])
		publish()
		rep.killed++
		w.bus.toggle()
		if n == w.kills/2 && w.away > 0 {
			u.away(proxies[0], w.away)
		}
	}
	<-worked
	endSiege()
	close(stop)
	watch.Wait()
	rep.took = time.Since(began)

	// Late requests reach the store now; no more faults.
	for _, p := range proxies {
		p.calm.Store(true)
		eventually(t, "the store is done", func() bool { return p.busy.Load() == 0 })
		for f := range faults {
			rep.injected[f] += p.counts[f].Load()
		}
		rep.unclear += p.unclear.Load()
	}
	watching.settle(t, log)
	rep.read(t, log, len(servers))
	checked, operations, undecided, wrong := u.samples.check(t, w.search)
	rep.samples = [4]int{checked, operations, undecided, wrong}
	for _, s := range servers {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	return rep
}

// read checks what the servers show at the end, and replays each list.
func (rep *report) read(t *testing.T, log *commits, servers int) {
	t.Helper()
	for _, h := range rep.histories {
		l := log.of(h.name)
		for i := range servers {
			rep.last(t, h, l, i)
		}
		for _, v := range h.judge(l) {
			rep.violations[v.kind] = append(rep.violations[v.kind], v.text)
		}
		rep.revisions += len(l.revisions)
	}
}

// judge fails the test for violations.
func (rep *report) judge(t *testing.T) {
	t.Helper()
	for kind, texts := range rep.violations {
		for _, text := range texts[:min(len(texts), 10)] {
			t.Errorf("%s: %s", kind, text)
		}
	}
	if rep.samples[3] > 0 {
		t.Errorf("porcupine: got %d histories without a linearization, want 0", rep.samples[3])
	}
}

// last checks that a server shows the last revision.
func (u *users) last(t *testing.T, h *history, l *listCommits, server int) {
	t.Helper()
	c := u.client(server)
	want := uint64(len(l.revisions))
	var shows uint64
	eventually(t, "a read of "+h.name, func() bool {
		views := len(h.views)
		c.read(h.number)
		if len(h.views) == views {
			return false
		}
		shows = h.views[views].revision
		return true
	})
	if shows != want {
		h.violate("lost", "at the end %s shows revision %d, the store has %d", c.servers()[server], shows, want)
	}
}

// show logs the progress until stop is closed.
func (rep *report) show(t *testing.T, stop <-chan struct{}, proxies []*proxy) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		now := rep.acknowledged.Load() + rep.refused.Load() + rep.unknown.Load()
		var injected, unclear int64
		for _, p := range proxies {
			unclear += p.unclear.Load()
			for f := unavailable; f < faults; f++ {
				injected += p.counts[f].Load()
			}
		}
		t.Logf("%9d of %d operations, %d a second, %d reads, %d faults, %d unanswered by a server, %d by the store", now, rep.operations, (now-last)/5, rep.reads.Load(), injected, rep.unanswered.Load(), unclear)
		last = now
	}
}

func (rep *report) String() string {
	var b strings.Builder
	ops := rep.acknowledged.Load() + rep.refused.Load() + rep.unknown.Load()
	fmt.Fprintf(&b, "TORTURE_SEED=%d: %d instances, %d clients each, %d lists, %v\n", rep.world.seed, rep.instances, rep.clients, rep.lists, rep.took.Round(100*time.Millisecond))
	fmt.Fprintf(&b, "operations %d (%.0f a second): acknowledged %d, refused %d, given up %d; %d revisions, %.1f operations each\n", ops, float64(ops)/rep.took.Seconds(),
		rep.acknowledged.Load(), rep.refused.Load(), rep.unknown.Load(), rep.revisions, float64(rep.acknowledged.Load())/float64(max(rep.revisions, 1)))
	if rep.bus != nil {
		fmt.Fprintf(&b, "bus killed %d, hints published %d\n", rep.bus.kills, rep.bus.published)
	}
	fmt.Fprintf(&b, "servers killed %d; repeated %d, of which answered from memory %d; requests without an answer or with 503 %d\n", rep.killed, rep.repeated.Load(), rep.replayed.Load(), rep.unanswered.Load())
	fmt.Fprintf(&b, "reads %d, of which stale and said so %d\n", rep.reads.Load(), rep.stale.Load())
	fmt.Fprintf(&b, "requests to the store %d; faults:", sum(rep.injected))
	for f := unavailable; f < faults; f++ {
		fmt.Fprintf(&b, " %v %d,", f, rep.injected[f])
	}
	fmt.Fprintf(&b, " of the store itself %d\n", rep.unclear)
	fmt.Fprintf(&b, "porcupine: %d items with %d operations linearizable, %d undecided, %d wrong\n", rep.samples[0], rep.samples[1], rep.samples[2], rep.samples[3])
	fmt.Fprintf(&b, "lost %d, duplicated %d, stale %d, other %d", len(rep.violations["lost"]), len(rep.violations["duplicated"]), len(rep.violations["stale"]), len(rep.violations["other"]))
	return b.String()
}

func sum(counts [faults]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// found returns the number of violations.
func (rep *report) found() (n int) {
	for _, texts := range rep.violations {
		n += len(texts)
	}
	return n + rep.samples[3]
}

// TestThreeInstances: with faults between three servers and their bucket, killed
// servers, an unreachable bucket, and a bus for hints that is killed and started
// again, no operation is lost, none takes effect twice, no read is stale without an
// Age, and watchers see the last revision.
func TestThreeInstances(t *testing.T) {
	rep := world{
		instances: 3, clients: chosen.clients, lists: chosen.lists, operations: chosen.operations, seed: chosen.seed,
		weather: storm, ablation: chosen.ablation, progress: true, search: time.Minute, kills: chosen.cycles, away: chosen.away,
		bus: newBus(t),
	}.run(t)
	t.Logf("\n%v", &rep)
	rep.judge(t)
	if rep.unclear > 0 {
		t.Errorf("the store itself gave no answer to %d requests, so that its log is not whole", rep.unclear)
	}
	for f := unavailable; f < faults; f++ {
		if rep.injected[f] == 0 {
			t.Errorf("faults: got no %v, want some", f)
		}
	}
	if rep.bus.kills == 0 || rep.bus.published == 0 {
		t.Errorf("got a bus killed %d times with %d hints, want some of each", rep.bus.kills, rep.bus.published)
	}
	if rep.killed < chosen.cycles {
		t.Errorf("got %d kills, want %d", rep.killed, chosen.cycles)
	}
	if rep.stale.Load() == 0 {
		t.Error("got no read that says its age, want some while the store is away")
	}
	if rep.samples[0] == 0 || rep.reads.Load() == 0 || rep.replayed.Load() == 0 {
		t.Errorf("got %d items checked, %d reads, %d repetitions answered from memory, want some of each", rep.samples[0], rep.reads.Load(), rep.replayed.Load())
	}
}

// TestAblations: TestThreeInstances fails without each mechanism that it tests.
func TestAblations(t *testing.T) {
	if chosen.ablation != "" {
		t.Log("TORTURE_ABLATION is set: TestThreeInstances shows it")
		return
	}
	for _, ablation := range []string{noIfMatch, conflictAsSuccess, noMemory} {
		t.Run(ablation, func(t *testing.T) {
			const tries = 5
			for try := range uint64(tries) {
				rep := world{
					instances: 3, clients: 8, lists: 3, operations: 800, seed: chosen.seed + try,
					weather: storm, ablation: ablation, search: 3 * time.Second,
				}.run(t)
				t.Logf("\n%v", &rep)
				for kind, texts := range rep.violations {
					t.Logf("%s, the first of %d: %s", kind, len(texts), texts[0])
				}
				if rep.found() > 0 {
					return
				}
			}
			t.Errorf("TORTURE_SEED=%d TORTURE_ABLATION=%s: got nothing wrong in %d tries, want violations", chosen.seed, ablation, tries)
		})
	}
}
