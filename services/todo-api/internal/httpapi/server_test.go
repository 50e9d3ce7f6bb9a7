package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	t      *testing.T
	url    string
	client *http.Client
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
	a := &api{Server: s, t: t, url: "http://" + l.Addr().String(), client: contracttest.Client(t, new(http.Transport))}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		a.client.CloseIdleConnections()
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

// answer is a response that was read.
type answer struct {
	*http.Response
	body []byte
}

// send sends a request; header holds names and values in turn. A header whose
// value is "" is not sent.
func (a *api) send(method, path, body string, header ...string) answer {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := a.client.Do(req)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return answer{resp, nil} // it has no end
	}
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp, read}
}

// expect sends a request and checks the status of its answer.
func (a *api) expect(status int, method, path, body string, header ...string) answer {
	a.t.Helper()
	got := a.send(method, path, body, header...)
	if got.StatusCode != status {
		a.t.Fatalf("%s %s: got %d %.300s, want %d", method, path, got.StatusCode, got.body, status)
	}
	return got
}

// into decodes the answer's body.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%.300s: %v", a.body, err)
	}
}

// manyItems is a body of PUT /api/state/{name} with n items.
func manyItems(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":%d,"title":"item %d of a long list","completed":false}`, i, i)
	}
	return "[" + strings.Join(items, ",") + "]"
}

type todoBody struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

func (a *api) create(list, title string) (item todoBody) {
	a.t.Helper()
	a.expect(201, "POST", "/api/lists/"+list+"/todos", fmt.Sprintf(`{"title":%q}`, title)).into(a.t, &item)
	return item
}

// titles returns the titles of a list's items, separated by commas.
func (a *api) titles(list string) string {
	a.t.Helper()
	var items []todoBody
	a.expect(200, "GET", "/api/lists/"+list+"/todos", "").into(a.t, &items)
	var all []string
	for _, item := range items {
		all = append(all, item.Title)
	}
	return strings.Join(all, ",")
}

// pointer returns the JSON Pointer of a problem.
func (a answer) pointer(t *testing.T) string {
	t.Helper()
	var problem struct{ Pointer string }
	a.into(t, &problem)
	return problem.Pointer
}
