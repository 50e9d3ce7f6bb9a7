package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
)

// api is a server of lists in memory, on loopback.
type api struct {
	*Server
	contracttest.API
}

// serve serves until the test ends. change may set options.
func serve(t *testing.T, change func(*Options)) *api {
	t.Helper()
	return serveStore(t, memstore.New(), change)
}

func serveStore(t *testing.T, store storage.Store, change func(*Options)) *api {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	service := lists.New(store, lists.Options{})
	opts := Options{
		Lists: service, Logger: log, Metrics: metrics.New("test"), Release: "test",
		RequestTimeout: time.Minute, ReadTimeout: time.Minute, IdleTimeout: time.Minute, WriteTimeout: time.Minute,
		MaxStreams: 10, ClientAddress: "X-Client",
	}
	if change != nil {
		change(&opts)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &api{s, contracttest.API{T: t, URL: "http://" + l.Addr().String(), Client: contracttest.Client(t, new(http.Transport))}}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		a.Client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := service.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return a
}

// manyItems returns a body of PUT /api/state/{name} with n items.
func manyItems(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":%d,"title":"item %d of a long list","completed":false}`, i, i)
	}
	return "[" + strings.Join(items, ",") + "]"
}

// New leaves nothing open when it returns an error.
func TestFailedNewLeavesNothingOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the only system on which a server opens files
	}
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	service := lists.New(memstore.New(), lists.Options{})
	defer service.Close(t.Context())
	before := open()
	for range 10 {
		if _, err := New(Options{Lists: service, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.New("test"), Page: os.DirFS(filepath.Join(t.TempDir(), "none"))}); err == nil {
			t.Fatal("got no error for a page that is missing")
		}
	}
	if after := open(); after >= before+10 {
		t.Errorf("got %d open files after 10 failures, want %d", after, before)
	}
}
