package gcsstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/gcsstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

func Example() {
	var stores storageurl.Mux
	stores.Handle("gs", gcsstore.OpenURL)
	_, err := stores.Open(context.Background(), "gs://lists/prefix?region=europe")
	fmt.Println(err)
	// Output:
	// store "gs://lists/prefix": unknown parameter "region": expected none
}

// emulator starts fake-gcs-server in this process, and returns it with the
// address that requests go to. It ignores ifGenerationMatch when it deletes, which
// Cloud Storage does not
// (https://cloud.google.com/storage/docs/json_api/v1/objects/delete): the
// condition is judged in front of it.
func emulator(t *testing.T) (server *fakestorage.Server, address string) {
	t.Helper()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, Writer: io.Discard})
	if err != nil {
		t.Fatalf("fake-gcs-server: got %v, want nil", err)
	}
	t.Cleanup(server.Stop)
	emulated := server.HTTPHandler()
	var deleting sync.RWMutex
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete {
			deleting.RLock()
			defer deleting.RUnlock()
			emulated.ServeHTTP(w, r)
			return
		}
		deleting.Lock()
		defer deleting.Unlock()
		if want := r.URL.Query().Get("ifGenerationMatch"); want != "" {
			asked := httptest.NewRecorder()
			emulated.ServeHTTP(asked, httptest.NewRequest(http.MethodGet, r.URL.Path, nil))
			var object struct{ Generation string }
			if asked.Code == 200 && json.Unmarshal(asked.Body.Bytes(), &object) == nil && object.Generation != want {
				failure(http.StatusPreconditionFailed, "conditionNotMet")(w, r)
				return
			}
		}
		emulated.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return server, front.Listener.Addr().String()
}

func TestConformance(t *testing.T) {
	server, address := emulator(t)
	t.Setenv("STORAGE_EMULATOR_HOST", address)
	var buckets atomic.Int32
	type opened struct {
		*gcsstore.Store
		url string
	}
	open := func(tb testing.TB, raw string) storage.Store {
		tb.Helper()
		var stores storageurl.Mux
		stores.Handle("gs", gcsstore.OpenURL)
		s, err := stores.Open(tb.Context(), raw)
		if err != nil {
			tb.Fatalf("Open: got %v, want nil", err)
		}
		store := s.(*gcsstore.Store)
		tb.Cleanup(func() { _ = store.Close() })
		return opened{store, raw}
	}
	again := func(tb testing.TB, s storage.Store) storage.Store { return open(tb, s.(opened).url) }
	storagetest.Run(t, storagetest.Harness{
		Name: "fake-gcs-server 1.56.1, with conditions on deletion added",
		Open: func(tb testing.TB) storage.Store {
			bucket := fmt.Sprintf("bucket-%d", buckets.Add(1))
			server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
			return open(tb, "gs://"+bucket+"/lists")
		},
		Second: again,
		Reopen: again,
	})
}

// TestNoBucket: a bucket that does not exist is a store that does not answer,
// not one without documents.
func TestNoBucket(t *testing.T) {
	_, address := emulator(t)
	client, err := gcs.NewClient(t.Context(), option.WithEndpoint("http://"+address+"/storage/v1/"), option.WithoutAuthentication(), gcs.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gcsstore.New(client, "none", gcsstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for op, call := range operations(s) {
		if err := call(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
		}
	}
}

func operations(s *gcsstore.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"get":     func(ctx context.Context) error { _, err := s.Get(ctx, "key"); return err },
		"create":  func(ctx context.Context) error { _, err := s.Create(ctx, "key", []byte("body")); return err },
		"replace": func(ctx context.Context) error { _, err := s.Replace(ctx, "key", []byte("body"), "7"); return err },
		"delete":  func(ctx context.Context) error { return s.Delete(ctx, "key", "7") },
		"check":   s.Check,
		"keys": func(ctx context.Context) error {
			for _, err := range s.Keys(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// answering returns a store whose server answers every request so, and the
// requests of each method.
func answering(t *testing.T, options gcsstore.Options, answer http.HandlerFunc) (*gcsstore.Store, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := gcs.NewClient(t.Context(), option.WithEndpoint(server.URL+"/storage/v1/"), option.WithoutAuthentication(), gcs.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gcsstore.New(client, "bucket", options)
	if err != nil {
		t.Fatal(err)
	}
	return s, &requests
}

func failure(status int, reason string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"code":%d,"message":"told to","errors":[{"reason":%q,"message":"told to"}]}}`, status, reason)
	}
}

func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>")
	}
}

// missingObject is the bucket's answer when only the object is missing.
func missingObject(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/o") {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"storage#objects"}`)
		return
	}
	failure(404, "notFound")(w, r)
}

// TestAnswers is the table of what each answer means to each operation. Writes
// are one request, whatever the answer.
func TestAnswers(t *testing.T) {
	const (
		writes = "create replace delete"
		all    = writes + " get keys check"
	)
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		ops    string
		want   error
	}{
		{"412", failure(412, "conditionNotMet"), writes, storage.ErrConflict},
		{"412 to a read", failure(412, "conditionNotMet"), "get keys check", storage.ErrUnavailable},
		{"304 to a read without a condition", page(304), "get", storage.ErrUnavailable},
		{"404 of the object", missingObject, "get", storage.ErrNotFound},
		{"404 of the object", missingObject, "delete", storage.ErrConflict},
		{"404 of the bucket", failure(404, "notFound"), all, storage.ErrUnavailable},
		{"404 of a proxy", page(404), all, storage.ErrUnavailable},
		{"400", failure(400, "invalid"), all, storage.ErrRefused},
		{"401", failure(401, "authError"), all, storage.ErrUnavailable},
		{"403", failure(403, "forbidden"), all, storage.ErrRefused},
		{"403 rate", failure(403, "rateLimitExceeded"), writes, storage.ErrUnavailable},
		{"413", failure(413, "uploadTooLarge"), writes, storage.ErrRefused},
		{"429", failure(429, "rateLimitExceeded"), writes, storage.ErrUnavailable},
		{"500", failure(500, "backendError"), writes, storage.ErrUnavailable},
		{"503 of a proxy", page(503), writes, storage.ErrUnavailable},
		{"200 that is not JSON", page(200), "create replace keys check", storage.ErrUnavailable},
		{"hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, all, storage.ErrUnavailable},
	} {
		s, requests := answering(t, gcsstore.Options{Timeout: 500 * time.Millisecond}, c.answer)
		calls := operations(s)
		for op := range strings.FieldsSeq(c.ops) {
			requests.Store(0)
			err := calls[op](t.Context())
			var detailed *storage.Error
			if !errors.Is(err, c.want) || !errors.As(err, &detailed) || detailed.Op != op {
				t.Errorf("%s to %s: got %v, want %v", c.name, op, err, c.want)
			}
			if n := requests.Load(); (op == "create" || op == "replace") && n != 1 {
				t.Errorf("%s to %s: got %d requests, want 1", c.name, op, n)
			}
		}
	}
}

// TestConditionsSent: what the emulator may not look at is on the wire.
func TestConditionsSent(t *testing.T) {
	var seen []url.Values
	s, _ := answering(t, gcsstore.Options{}, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.Query())
		page(304)(w, r)
	})
	if doc, changed, err := s.GetIfChanged(t.Context(), "key", "7"); changed || err != nil || doc.Body != nil {
		t.Errorf("GetIfChanged: got %v, %t and %v, want an unchanged document", doc, changed, err)
	}
	for op, call := range operations(s) {
		if op == "create" || op == "replace" || op == "delete" {
			seen = seen[:1]
			_ = call(t.Context())
			want := map[string]string{"create": "0", "replace": "7", "delete": "7"}[op]
			if got := seen[1].Get("ifGenerationMatch"); got != want {
				t.Errorf("%s: got ifGenerationMatch=%q, want %q", op, got, want)
			}
		}
	}
	if got := seen[0].Get("ifGenerationNotMatch"); got != "7" {
		t.Errorf("get: got ifGenerationNotMatch=%q, want 7", got)
	}
}

func TestOpenURLRefuses(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
	for raw, want := range map[string]string{
		"gs:///prefix":                            `bucket "": expected gs://BUCKET or gs://BUCKET/PREFIX`,
		"gs://bucket?project=p":                   `unknown parameter "project": expected none`,
		"gs://id@bucket":                          "URL has user information: credentials do not belong in it",
		"gs://bucket:80":                          `host "bucket:80" has a port: expected none`,
		"gs://bucket#x":                           `URL has the fragment "x": write # as %23`,
		"gs://bucket/a/../b":                      `prefix "a/../b": segments must not be empty, "." or ".."`,
		"gs://bucket/a%0Ab":                       `prefix "a\nb": line breaks are not allowed`,
		"gs://bucket/" + strings.Repeat("p", 301): "prefix has 301 bytes, at most 300 are allowed",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gcsstore.OpenURL(t.Context(), u); fmt.Sprint(err) != want {
			t.Errorf("%.40s: got %v, want %s", raw, err, want)
		}
	}
	if _, err := (gcsstore.Options{Timeout: -1}).OpenURL(t.Context(), &url.URL{Scheme: "gs", Host: "b"}); err == nil {
		t.Error("negative timeout: got nil, want an error")
	}
}
