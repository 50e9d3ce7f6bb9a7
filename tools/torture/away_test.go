//go:build torture

package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestStoreAway: while the store is away, reads are answered with what was
// known last and its age, writes with 503; nothing is lost by that, and
// everything goes on when it is back.
func TestStoreAway(t *testing.T) {
	const deadline = 5 * time.Second // that servers have for a request
	log := newCommits()
	bucket := newBucket(t)
	ways := []int32{refused, hanging}
	names := []string{"connections break", "requests hang"}
	var proxies []*proxy
	var servers []*server
	var addresses []string
	for i := range ways {
		p := newProxy(t, fmt.Sprint("instance-", i), chosen.seed, weather{}, "", log)
		s := startServer(t, storeURL(bucket, p.URL), "--request-timeout="+deadline.String())
		proxies, servers, addresses = append(proxies, p), append(servers, s), append(addresses, s.url)
	}
	u := newUsers(chosen.seed, 4, func() []string { return addresses })
	t.Cleanup(u.http.CloseIdleConnections)
	u.left.Store(1 << 40)

	// What is away is known, and in use.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() { u.client(i).run(ctx) })
	}
	probes := make([]*probe, len(servers))
	for i := range probes {
		probes[i] = &probe{t: t, client: u.client(1000 + i)}
		probes[i].server = i
		for list := range u.histories {
			eventually(t, "a read", func() bool { return probes[i].look(list) == "" })
		}
	}

	cut := time.Now()
	for i, p := range proxies {
		p.cut.Store(ways[i])
	}
	var looking sync.WaitGroup
	for _, p := range probes {
		looking.Go(func() { p.away(cut) })
	}
	looking.Wait()
	for _, p := range proxies {
		p.cut.Store(open)
	}
	back := time.Now()
	recovered := make([]time.Duration, len(probes))
	var watch sync.WaitGroup
	for i, p := range probes {
		watch.Go(func() { recovered[i] = p.recover(back) })
	}
	watch.Wait()
	stop()
	group.Wait()
	// What was answered with 503 is asked for again, under the same keys.
	for _, p := range probes {
		p.write(t.Context(), 0, p.open)
	}

	var violations []violation
	for _, h := range u.histories {
		for i := range servers {
			u.last(t, h, log.of(h.name), i)
		}
		violations = append(violations, h.judge(log.of(h.name))...)
	}
	for _, v := range violations[:min(len(violations), 20)] {
		t.Errorf("%s: %s", v.kind, v.text)
	}
	for i, p := range probes {
		t.Logf("%s for %v: %d reads answered with an age, %d before that was known, slowest %v; %d writes answered with 503, slowest %v; recovered after %v",
			names[i], chosen.away, p.aged, p.early, p.slowestRead.Round(time.Millisecond), len(p.open), p.slowestWrite.Round(time.Millisecond), recovered[i].Round(time.Millisecond))
		if p.aged == 0 || len(p.open) == 0 {
			t.Errorf("%s: got %d reads with an age and %d writes with 503, want some of each", names[i], p.aged, len(p.open))
		}
	}
	t.Logf("operations %d acknowledged, %d given up, %d repeated; violations %d", u.acknowledged.Load(), u.unknown.Load(), u.repeated.Load(), len(violations))
	for _, s := range servers {
		s.stop()
	}
}

// probe is a client that looks closely at one server.
type probe struct {
	*client
	t *testing.T

	open                      []*operation
	aged, early               int
	slowestRead, slowestWrite time.Duration
}

// look reads a list and returns the answer's age.
func (p *probe) look(list int) string {
	p.t.Helper()
	began := time.Now()
	resp, data, err := p.send(http.MethodGet, "/api/lists/"+p.histories[list].name+"/todos", "", nil)
	p.slowestRead = max(p.slowestRead, time.Since(began))
	var shows []shown
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(data, &shows) != nil {
		p.t.Errorf("read: got %v and %v: %s, want 200 with a list", resp, err, data)
		return "none"
	}
	age := resp.Header.Get("Age")
	if (age == "") != (resp.Header.Get("Warning") == "") {
		p.t.Errorf("read: got Age %q and Warning %q, want both or none", age, resp.Header.Get("Warning"))
	}
	revision, err := revisionOf(resp)
	if err != nil {
		p.t.Errorf("read: %v", err)
	}
	h := p.histories[list]
	h.mu.Lock()
	h.views = append(h.views, view{revision, digestOf(shows)})
	h.mu.Unlock()
	return age
}

// away reads and writes for as long as the store is to be away, and until the
// last write is answered.
func (p *probe) away(cut time.Time) {
	end := cut.Add(chosen.away)
	var group sync.WaitGroup
	group.Go(func() {
		for i := 0; i == 0 || time.Now().Before(end); i++ {
			op := &operation{kind: create, title: fmt.Sprintf("away %d by %d", i, p.number), key: fmt.Sprintf("away-%d-%d", i, p.number)}
			op.uid = op.key
			op.begin(p.histories[0])
			began := time.Now()
			outcomes, err := p.patiently().ask(p.histories[0].name, []*operation{op})
			p.slowestWrite = max(p.slowestWrite, time.Since(began))
			if err != nil || outcomes[0].Status != http.StatusServiceUnavailable {
				p.t.Errorf("write: got %v and %v, want 503", outcomes, err)
				return
			}
			p.open = append(p.open, op)
		}
	})
	for i := 0; time.Now().Before(end); i++ {
		began := time.Now()
		age := p.look(i % len(p.histories))
		switch seconds, err := strconv.Atoi(age); {
		case age == "" && p.aged > 0:
			p.t.Error("read: got no Age after one, want it until the store is back")
		case age == "":
			p.early++
		case err != nil || time.Duration(seconds)*time.Second < began.Sub(cut):
			p.t.Errorf("read: got Age %q %v after the store went away, want at least that", age, began.Sub(cut))
		default:
			p.aged++
		}
	}
	group.Wait()
}

// patiently is another client of the same server, that waits for its answers.
func (c *client) patiently() *client {
	other := c.client(c.number)
	other.server, other.waits = c.server, true
	return other
}

// recover waits until reads and writes succeed as before, and returns how long
// after the store's return that was.
func (p *probe) recover(back time.Time) time.Duration {
	fresh := comes(func() bool { return p.look(0) == "" })
	written := comes(func() bool {
		op := &operation{kind: create, title: fmt.Sprintf("back %d by %d", p.titles.Add(1), p.number), key: fmt.Sprintf("back-%d", p.titles.Add(1))}
		op.uid = op.key
		op.begin(p.histories[0])
		p.open = append(p.open, op)
		outcomes, err := p.patiently().ask(p.histories[0].name, []*operation{op})
		return err == nil && outcomes[0].Status == http.StatusCreated
	})
	if !fresh || !written {
		p.t.Errorf("after the store's return: got a fresh read %v, a write %v, want both within %v", fresh, written, patience)
	}
	return time.Since(back)
}
