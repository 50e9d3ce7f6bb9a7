package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
