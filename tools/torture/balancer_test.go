//go:build torture

package torture

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// balancer sends each request to one of its targets that are ready, as an
// application load balancer does: it asks /readyz ten times a second, takes a
// target out after two bad answers and in after one good one. It repeats a
// request only as http.Transport does, when a connection that was kept turns
// out to be closed.
type balancer struct {
	*httptest.Server
	transport *http.Transport

	mu      sync.Mutex
	targets []*target
	turn    int
}

type target struct {
	url    *url.URL
	cancel context.CancelFunc
	gone   chan struct{}
	ready  bool
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	forward := &httputil.ReverseProxy{
		Transport:     b.transport,
		FlushInterval: -1, // events go on at once
		Rewrite: func(r *httputil.ProxyRequest) {
			if to := b.next(); to != nil {
				r.SetURL(to)
				r.Out.Host = r.In.Host
			}
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				t.Logf("the balancer met %v at %s %s", err, r.Method, r.URL)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	b.Server = httptest.NewServer(forward)
	t.Cleanup(func() {
		for len(b.targets) > 0 {
			b.remove(b.targets[0])
		}
		b.CloseClientConnections()
		b.Close()
		b.transport.CloseIdleConnections()
	})
	return b
}

// next returns the target of a request, or nil.
func (b *balancer) next() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.targets {
		b.turn++
		if to := b.targets[b.turn%len(b.targets)]; to.ready {
			return to.url
		}
	}
	return nil
}

// add begins to ask a target whether it is ready.
func (b *balancer) add(t *testing.T, address string) *target {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &target{url: to, cancel: cancel, gone: make(chan struct{})}
	b.mu.Lock()
	b.targets = append(b.targets, g)
	b.mu.Unlock()
	go func() {
		defer close(g.gone)
		b.ask(ctx, g)
	}()
	return g
}

func (b *balancer) ask(ctx context.Context, g *target) {
	client := &http.Client{Transport: b.transport, Timeout: 2 * time.Second}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for bad := 0; ; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url.String()+"/readyz", http.NoBody)
		if err != nil {
			return
		}
		resp, err := client.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if err == nil && resp.StatusCode == http.StatusOK {
			bad = 0
		} else {
			bad++
		}
		b.mu.Lock()
		if bad == 0 {
			g.ready = true
		} else if bad >= 2 {
			g.ready = false
		}
		b.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *balancer) isReady(g *target) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return g.ready
}

// remove forgets a target.
func (b *balancer) remove(g *target) {
	g.cancel()
	<-g.gone
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = slices.DeleteFunc(b.targets, func(other *target) bool { return other == g })
}
