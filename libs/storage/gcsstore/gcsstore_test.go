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
	s := newStore(t, "http://"+address, "none", gcsstore.Options{})
	for op, call := range storagetest.Operations(s, "7") {
		if err := call(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
		}
	}
}

// newStore returns a store on the server at url.
func newStore(tb testing.TB, url, bucket string, options gcsstore.Options) *gcsstore.Store {
	tb.Helper()
	client, err := gcs.NewClient(tb.Context(), option.WithEndpoint(url+"/storage/v1/"), option.WithoutAuthentication(), gcs.WithJSONReads())
	if err != nil {
		tb.Fatal(err)
	}
	s, err := gcsstore.New(client, bucket, options)
	if err != nil {
		tb.Fatal(err)
	}
	return s
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

// listing answers every request with the same page.
func listing(members string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{"+members+"}")
	}
}

// missingObject is the bucket's answer when only the object is missing.
func missingObject(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/o") {
		listing(`"kind":"storage#objects"`)(w, r)
		return
	}
	failure(404, "notFound")(w, r)
}

// TestKeysOverSeveralPages: no page of a listing is left out, and a failing one
// is not the end.
func TestKeysOverSeveralPages(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages := map[string]string{
			"p/":        `"items":[` + strings.Repeat(`{"name":"p/b.txt"},`, 999) + `{"name":"p/b.json"}],"nextPageToken":"two"`, // as large as the client asks for
			"p/ two":    `"nextPageToken":"three"`,                                                                               // a page may be empty
			"p/ three":  `"items":[{"name":"p/a.json"}]`,
			"p/~/":      `"items":[{"name":"p/~/YS9i.json"}],"nextPageToken":"more"`,
			"p/~/ more": `"items":[{"name":"p/~/YS9j.json"}]`,
		}
		q := r.URL.Query()
		at := strings.TrimSpace(q.Get("prefix") + " " + q.Get("pageToken"))
		if failing.Load() && at == "p/ three" {
			failure(403, "forbidden")(w, r)
			return
		}
		listing(pages[at])(w, r)
	}))
	t.Cleanup(server.Close)
	s := newStore(t, server.URL, "bucket", gcsstore.Options{Prefix: "p"})
	storagetest.Pages(t, s, []string{"a", "a/b", "a/c", "b"}, func() { failing.Store(true) })
}

// TestAnswers is the table of what each answer means to each operation.
func TestAnswers(t *testing.T) {
	const (
		writes = "create replace delete"
		all    = writes + " get keys check"
	)
	open := func(tb testing.TB, url string) storage.Store {
		return newStore(tb, url, "bucket", gcsstore.Options{Timeout: 500 * time.Millisecond})
	}
	storagetest.Answers(t, "7", []storagetest.Answer{
		{Name: "412", Handler: failure(412, "conditionNotMet"), Ops: writes, Want: storage.ErrConflict},
		{Name: "412 to a read", Handler: failure(412, "conditionNotMet"), Ops: "get keys check", Want: storage.ErrUnavailable},
		{Name: "304 to a read without a condition", Handler: page(304), Ops: "get", Want: storage.ErrUnavailable},
		{Name: "404 of the object", Handler: missingObject, Ops: "get", Want: storage.ErrNotFound},
		{Name: "404 of the object", Handler: missingObject, Ops: "delete", Want: storage.ErrConflict, Requests: 2},
		{Name: "404 of the bucket", Handler: failure(404, "notFound"), Ops: all, Want: storage.ErrUnavailable, Requests: -1},
		{Name: "404 of a proxy", Handler: page(404), Ops: all, Want: storage.ErrUnavailable, Requests: -1},
		{Name: "400", Handler: failure(400, "invalid"), Ops: all, Want: storage.ErrRefused},
		{Name: "401", Handler: failure(401, "authError"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "403", Handler: failure(403, "forbidden"), Ops: all, Want: storage.ErrRefused},
		{Name: "403 rate", Handler: failure(403, "rateLimitExceeded"), Ops: writes, Want: storage.ErrUnavailable},
		{Name: "413", Handler: failure(413, "uploadTooLarge"), Ops: writes, Want: storage.ErrRefused},
		{Name: "429", Handler: failure(429, "rateLimitExceeded"), Ops: writes, Want: storage.ErrUnavailable},
		{Name: "500", Handler: failure(500, "backendError"), Ops: writes, Want: storage.ErrUnavailable},
		{Name: "503 of a proxy", Handler: page(503), Ops: writes, Want: storage.ErrUnavailable},
		{Name: "200 without a generation", Handler: page(200), Ops: "get", Want: storage.ErrUnavailable},
		{Name: "200 with generation 0", Handler: listing(`"kind":"storage#object","generation":"0"`), Ops: "create replace", Want: storage.ErrUnavailable},
		{Name: "200 that is not JSON", Handler: page(200), Ops: "create replace keys check", Want: storage.ErrUnavailable},
		{Name: "listing whose token comes again", Handler: listing(`"items":[{"name":"a.txt"}],"nextPageToken":"again"`), Ops: "keys", Want: storage.ErrUnavailable},
		{Name: "listing of another prefix", Handler: listing(`"items":[{"name":"a.json"}]`), Ops: "keys", Want: storage.ErrUnavailable},
		{Name: "listing with a key twice", Handler: listing(`"items":[{"name":"~/YS9i.json"},{"name":"~/YS9i.json"}]`), Ops: "keys", Want: storage.ErrUnavailable},
		{Name: "connection closed", Handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Ops: writes, Want: storage.ErrUnavailable},
		{Name: "hang", Handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Ops: all, Want: storage.ErrUnavailable},
	}, open)
}

// TestConditionsSent: what the emulator may not look at is on the wire.
func TestConditionsSent(t *testing.T) {
	var seen []url.Values
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		seen = append(seen, r.URL.Query())
		page(304)(w, r)
	}))
	t.Cleanup(server.Close)
	s := newStore(t, server.URL, "bucket", gcsstore.Options{})
	if doc, changed, err := s.GetIfChanged(t.Context(), "key", "7"); changed || err != nil || doc.Body != nil {
		t.Errorf("GetIfChanged: got %v, %t and %v, want an unchanged document", doc, changed, err)
	}
	for op, call := range storagetest.Operations(s, "7") {
		if op == "create" || op == "replace" || op == "delete" {
			seen = seen[:1]
			_ = call(t.Context())
			want := map[string]string{"create": "0", "replace": "7", "delete": "7"}[op]
			if got := seen[1].Get("ifGenerationMatch"); got != want {
				t.Errorf("%s: got ifGenerationMatch=%q, want %q", op, got, want)
			}
			// The server refuses a body that has not this checksum (base64 of its big-endian CRC32C).
			if want := `"crc32c":"Jj/JUA=="`; op != "delete" && !strings.Contains(string(body), want) {
				t.Errorf("%s: got %q, want %s", op, body, want)
			}
		}
	}
	if got := seen[0].Get("ifGenerationNotMatch"); got != "7" {
		t.Errorf("get: got ifGenerationNotMatch=%q, want 7", got)
	}
}

// TestForgedVersions: sent on, these would be no condition, "does not exist", or
// another spelling of the version of a document that is there.
func TestForgedVersions(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.String())
		w.Header().Set("X-Goog-Generation", "7")
		_, _ = io.WriteString(w, `{"generation":"7"}`)
	}))
	t.Cleanup(server.Close)
	s := newStore(t, server.URL, "bucket", gcsstore.Options{})
	forged := []storage.Version{"", "0", "-7", "+7", "07", " 7", "7 ", "7.0", "0x7", "7e0", "9223372036854775808"}
	for _, version := range forged {
		if _, err := s.Replace(t.Context(), "key", nil, version); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Replace at %q: got %v, want %v", version, err, storage.ErrConflict)
		}
		if err := s.Delete(t.Context(), "key", version); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Delete at %q: got %v, want %v", version, err, storage.ErrConflict)
		}
	}
	if len(seen) != 0 {
		t.Errorf("got the requests %q, want none", seen)
	}
	for _, version := range forged {
		if doc, changed, err := s.GetIfChanged(t.Context(), "key", version); err != nil || !changed || doc.Version != "7" {
			t.Errorf("GetIfChanged at %q: got %+v, %t and %v, want the document", version, doc, changed, err)
		}
	}
	for _, request := range seen {
		if strings.Contains(request, "ifGeneration") {
			t.Errorf("got the request %s, want one without a condition", request)
		}
	}
	// A server that ignores the condition sends what is known.
	if doc, changed, err := s.GetIfChanged(t.Context(), "key", "7"); err != nil || changed || doc.Body != nil {
		t.Errorf("GetIfChanged at 7: got %+v, %t and %v, want no change", doc, changed, err)
	}
}

func TestOpenURLRefuses(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
	for raw, want := range map[string]string{
		"gs:///prefix":          `bucket "": expected gs://BUCKET or gs://BUCKET/PREFIX`,
		"gs://Bucket":           `bucket "Bucket": expected 3 to 222 lower-case letters, digits, "-", "_" and "."`,
		"gs://ab":               `bucket "ab": expected 3 to 222 lower-case letters, digits, "-", "_" and "."`,
		"gs://-bucket":          `bucket "-bucket": expected 3 to 222 lower-case letters, digits, "-", "_" and "."`,
		"gs://bucket?project=p": `unknown parameter "project": expected none`,
		"gs://id@bucket":        "URL has user information: credentials do not belong in it",
		"gs://bucket:80":        `host "bucket:80" has a port: expected none`,
		"gs://bucket#x":         `URL has the fragment "x": write # as %23`,
		"gs://bucket/a/../b":    `prefix "a/../b": segments must not be empty, "." or ".."`,
		"gs://bucket/a%0Ab":     `prefix "a\nb": line breaks are not allowed`,
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
