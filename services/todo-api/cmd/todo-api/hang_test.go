package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/bounded"
)

// hanging is a store whose calls hang whatever their context, as those of a frozen
// file system do.
type hanging struct {
	storage.Store
	mu     sync.Mutex
	thawed chan struct{} // nil unless it hangs
	stuck  atomic.Int64  // calls
	probes atomic.Int64  // calls of storage.Check
}

func (h *hanging) freeze() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.thawed = make(chan struct{})
}

func (h *hanging) thaw() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.thawed)
	h.thawed = nil
}

func (h *hanging) wait() {
	h.mu.Lock()
	thawed := h.thawed
	h.mu.Unlock()
	if thawed != nil {
		h.stuck.Add(1)
		<-thawed
		h.stuck.Add(-1)
	}
}

func (h *hanging) Get(ctx context.Context, key string) (storage.Document, error) {
	if key == "check" {
		h.probes.Add(1)
	}
	h.wait()
	return h.Store.Get(ctx, key)
}

func (h *hanging) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	h.wait()
	return h.Store.Create(ctx, key, body)
}

func (h *hanging) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	h.wait()
	return h.Store.Replace(ctx, key, body, version)
}

func (h *hanging) Delete(ctx context.Context, key string, version storage.Version) error {
	h.wait()
	return h.Store.Delete(ctx, key, version)
}

// While the store hangs, every route answers within the request's time, and probes
// do not pile up. All goes on afterwards.
func TestStoreHangs(t *testing.T) {
	store := &hanging{Store: memstore.New()}
	p := startOn(t, shared(bounded.New(store)), "TODO_REQUEST_TIMEOUT=500ms", "TODO_RATE_LIMIT=0")
	item := p.Create("known", "x")
	store.freeze()
	var asked sync.WaitGroup
	for method, template := range listRoutes {
		for _, list := range []string{"known", "unknown", "%C3%A9"} {
			if strings.HasSuffix(template, "/events") && (list == "known" || method == http.MethodHead) {
				continue // it does not end
			}
			asked.Go(func() {
				path := strings.NewReplacer("{name}", list, "{id}", item.ID).Replace(template)
				got := p.Send(method, path, writeBodies[strings.ToLower(method)+" "+template])
				if got.StatusCode != http.StatusServiceUnavailable && (list != "known" || method != http.MethodGet && method != http.MethodHead) {
					t.Errorf("%s %s: got %d, want 503", method, path, got.StatusCode)
				}
			})
		}
	}
	asked.Wait()
	before := store.probes.Load()
	for range 3 {
		if got := p.Expect(503, "GET", "/readyz", ""); !strings.Contains(string(got.Body), "the store") {
			t.Errorf("/readyz: got %s, want the reason", got.Body)
		}
	}
	if probes := store.probes.Load() - before; probes > 1 {
		t.Errorf("got %d calls of probes that hang, want 1", probes)
	}
	p.Expect(200, "GET", "/livez", "")
	store.thaw()
	eventually(t, "the server is ready", func() bool { return p.Send("GET", "/readyz", "").StatusCode == http.StatusOK })
	p.Create("afterwards", "y")
}

// A server stops while its store hangs, and tells what was not done.
func TestStopsWhileTheStoreHangs(t *testing.T) {
	store := &hanging{Store: memstore.New()}
	p := startOn(t, shared(bounded.New(store)), "TODO_REQUEST_TIMEOUT=500ms", "TODO_SHUTDOWN_TIMEOUT=1s")
	store.freeze()
	p.Expect(503, "POST", "/api/lists/l/todos", `{"title":"x"}`)
	p.cancel()
	<-p.done
	if p.err == nil || !strings.Contains(p.err.Error(), "work unfinished") {
		t.Errorf("got %v, want what was not finished", p.err)
	}
	p.err = nil // it is checked at the end
	store.thaw()
}

// A start is given up on SIGTERM also while the store hangs.
func TestStopsWhileTheStoreOpens(t *testing.T) {
	store := &hanging{Store: memstore.New()}
	store.freeze()
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- runWith(ctx, []string{"--listen=127.0.0.1:0"}, nil, new(strings.Builder), shared(bounded.New(store)))
	}()
	eventually(t, "the store is asked", func() bool { return store.stuck.Load() > 0 })
	cancel(fmt.Errorf("told to stop"))
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "told to stop") {
		t.Errorf("got %v, want the reason of the end", err)
	}
	store.thaw()
}

// Neither a trace collector nor a bus that does not answer keeps the process beyond
// shutdown_timeout.
func TestStopsWhileOthersHang(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	address := silent.Addr().String()
	for _, setting := range []string{"TODO_OTLP_ENDPOINT=http://" + address, "TODO_HINTS=redis://" + address} {
		p := startOn(t, shared(memstore.New()), setting, "TODO_SHUTDOWN_TIMEOUT=300ms")
		p.Create("l", "x")
		p.cancel()
		select {
		case <-p.done:
		case <-time.After(4 * time.Second): // both would take 5 s
			t.Errorf("%s: got no end", setting)
		}
	}
}
