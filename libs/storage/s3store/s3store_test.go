package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyendpoints "github.com/aws/smithy-go/endpoints"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

// server answers each request as the test says and counts them.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func serve(t *testing.T, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.bodies = append(s.bodies, string(body))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) seen() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *server) store(t *testing.T, options s3store.Options) *s3store.Store {
	t.Helper()
	return newStore(t, s.URL, options)
}

func newStore(tb testing.TB, url string, options s3store.Options) *s3store.Store {
	tb.Helper()
	client := s3.New(s3.Options{
		Region:       "us-east-1",
		BaseEndpoint: &url,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider("id", "secret", ""),
		// What the driver must turn off for writes.
		RetryMaxAttempts: 5,
	})
	store, err := s3store.New(client, "bucket", options)
	if err != nil {
		tb.Fatalf("New: got %v, want nil", err)
	}
	return store
}

func failure(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if status != http.StatusNotModified {
			fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>told to</Message></Error>`, code)
		}
	}
}

func page(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// listing answers every request with the same page.
func listing(truncated bool, next string, names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprintf(w, `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated><NextContinuationToken>%s</NextContinuationToken>`, truncated, next)
		for _, name := range names {
			fmt.Fprintf(w, `<Contents><Key>%s</Key></Contents>`, name)
		}
		fmt.Fprint(w, `</ListBucketResult>`)
	}
}

// hang answers nothing until the client has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func hangUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func cutShort(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"e1"`)
	w.Header().Set("Content-Length", "100")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, "only this")
	hangUp(w, r)
}

// TestAnswers is the table of what each answer means to each operation, and
// of how many requests the operation sent to get it.
func TestAnswers(t *testing.T) {
	const (
		writes = "create replace delete"
		reads  = "get check keys"
		all    = writes + " " + reads
	)
	within := func(limit time.Duration) func(tb testing.TB, url string) storage.Store {
		return func(tb testing.TB, url string) storage.Store {
			return newStore(tb, url, s3store.Options{NoProbe: true, AttemptTimeout: limit, CallTimeout: time.Minute})
		}
	}
	storagetest.Answers(t, "e1", []storagetest.Answer{
		{Name: "412", Handler: failure(412, "PreconditionFailed"), Ops: writes, Want: storage.ErrConflict, Requests: 1},
		{Name: "412 of a proxy", Handler: page(412, "<html>"), Ops: writes, Want: storage.ErrConflict, Requests: 1},
		{Name: "412 to a read", Handler: failure(412, "PreconditionFailed"), Ops: reads, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "409 ConditionalRequestConflict", Handler: failure(409, "ConditionalRequestConflict"), Ops: writes, Want: storage.ErrConflict, Requests: 1},
		{Name: "409 OperationAborted", Handler: failure(409, "OperationAborted"), Ops: writes, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "404 NoSuchKey to a read", Handler: failure(404, "NoSuchKey"), Ops: "get", Want: storage.ErrNotFound, Requests: 1},
		{Name: "404 NoSuchKey to the check", Handler: failure(404, "NoSuchKey"), Ops: "check", Requests: 1},
		{Name: "404 NoSuchKey to If-Match", Handler: failure(404, "NoSuchKey"), Ops: "replace delete", Want: storage.ErrConflict, Requests: 1},
		{Name: "404 NoSuchKey to If-None-Match", Handler: failure(404, "NoSuchKey"), Ops: "create", Want: storage.ErrUnavailable, Requests: 1},
		{Name: "404 NoSuchBucket", Handler: failure(404, "NoSuchBucket"), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "404 of a proxy", Handler: page(404, "<html><body>not here</body></html>"), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "404 without a body", Handler: page(404, ""), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "403 AccessDenied", Handler: failure(403, "AccessDenied"), Ops: all, Want: storage.ErrRefused, Requests: 1},
		{Name: "403 InvalidAccessKeyId", Handler: failure(403, "InvalidAccessKeyId"), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "403 ExpiredToken", Handler: failure(403, "ExpiredToken"), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "403 RequestTimeTooSkewed", Handler: failure(403, "RequestTimeTooSkewed"), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "400 ExpiredToken", Handler: failure(400, "ExpiredToken"), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "400 EntityTooLarge", Handler: failure(400, "EntityTooLarge"), Ops: writes, Want: storage.ErrRefused, Requests: 1},
		{Name: "400 KeyTooLongError", Handler: failure(400, "KeyTooLongError"), Ops: all, Want: storage.ErrRefused, Requests: 1},
		{Name: "400 XMinioInvalidObjectName", Handler: failure(400, "XMinioInvalidObjectName"), Ops: all, Want: storage.ErrRefused, Requests: 1},
		{Name: "400 XMinioAdminBucketQuotaExceeded", Handler: failure(400, "XMinioAdminBucketQuotaExceeded"), Ops: writes, Want: storage.ErrRefused, Requests: 1},
		{Name: "507 XMinioStorageFull", Handler: failure(507, "XMinioStorageFull"), Ops: writes, Want: storage.ErrRefused, Requests: 1},
		{Name: "413 of a proxy", Handler: page(413, "<html>too large</html>"), Ops: writes, Want: storage.ErrRefused, Requests: 1},
		{Name: "400", Handler: failure(400, "InvalidRequest"), Ops: all, Want: storage.ErrRefused, Requests: 1},
		{Name: "301", Handler: failure(301, "PermanentRedirect"), Ops: all, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "304 to a write", Handler: failure(304, ""), Ops: writes, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "304 that was not asked for", Handler: failure(304, ""), Ops: "get", Want: storage.ErrUnavailable, Requests: 1},
		{Name: "500 to a write", Handler: failure(500, "InternalError"), Ops: writes, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "500 to a read", Handler: failure(500, "InternalError"), Ops: reads, Want: storage.ErrUnavailable, Requests: 3},
		{Name: "503 to a write", Handler: failure(503, "SlowDown"), Ops: writes, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "503 to a read", Handler: failure(503, "SlowDown"), Ops: reads, Want: storage.ErrUnavailable, Requests: 3},
		{Name: "501 to a write", Handler: failure(501, "NotImplemented"), Ops: writes, Want: storage.ErrRefused, Requests: 1},
		{Name: "connection closed on a write", Handler: hangUp, Ops: writes, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "connection closed on a read", Handler: hangUp, Ops: reads, Want: storage.ErrUnavailable, Requests: 3},
		{Name: "object cut short", Handler: cutShort, Ops: "get", Want: storage.ErrUnavailable, Requests: 3},
		{Name: "200 without an ETag", Handler: page(200, ""), Ops: "get create replace", Want: storage.ErrUnavailable, Requests: 1},
		{Name: "listing whose token comes again", Handler: listing(true, "again"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 2},
		{Name: "listing that is truncated without a token", Handler: listing(true, "", "a.json"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 1},
		{Name: "listing of another prefix", Handler: listing(false, "", "a.json"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 2},
		{Name: "listing with a key twice", Handler: listing(false, "", "~/YS9i.json", "~/YS9i.json"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 2},
		{Name: "200 with a page for a listing", Handler: page(200, "<html>"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 1},
	}, within(time.Minute))
	storagetest.Answers(t, "e1", []storagetest.Answer{
		{Name: "no answer to a write", Handler: hang, Ops: writes, Want: storage.ErrUnavailable, Requests: 1},
		{Name: "no answer to a read", Handler: hang, Ops: reads, Want: storage.ErrUnavailable, Requests: 3},
	}, within(300*time.Millisecond))
}

// TestOutcomes is about the words by which requests are counted.
func TestOutcomes(t *testing.T) {
	for want, answer := range map[string]http.HandlerFunc{
		"ok":          func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e2"`) },
		"conflict":    failure(412, "PreconditionFailed"),
		"unavailable": failure(500, "InternalError"),
	} {
		var got []s3store.Request
		store := serve(t, answer).store(t, s3store.Options{Observe: func(r s3store.Request) { got = append(got, r) }})
		_, _ = store.Replace(t.Context(), "key", nil, "e1")
		if len(got) != 1 || got[0].Op != "replace" || got[0].Outcome != want || got[0].Duration <= 0 {
			t.Errorf("got %+v, want one replace with the outcome %q", got, want)
		}
	}
}

// TestReadIsRepeated: what a read meets first does not decide it.
func TestReadIsRepeated(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{"503": failure(503, "SlowDown"), "hung up": hangUp, "cut short": cutShort} {
		t.Run(name, func(t *testing.T) {
			var once sync.Once
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("ETag", `"e1"`)
					_, _ = io.WriteString(w, "body")
				})
				once.Do(func() { answer = first })
				answer(w, r)
			})
			observed := 0
			doc, err := s.store(t, s3store.Options{Observe: func(s3store.Request) { observed++ }}).Get(t.Context(), "key")
			if err != nil || string(doc.Body) != "body" || doc.Version != "e1" {
				t.Errorf("got %q at %q and %v, want \"body\" at \"e1\" and nil", doc.Body, doc.Version, err)
			}
			if got := len(s.seen()); got != 2 || observed != 2 {
				t.Errorf("got %d requests and %d observed, want 2", got, observed)
			}
		})
	}
}

// TestCallTimeout: attempts end with the call, and that is the store's
// failure, not the caller's.
func TestCallTimeout(t *testing.T) {
	s := serve(t, hang)
	store := s.store(t, s3store.Options{AttemptTimeout: time.Minute, CallTimeout: 20 * time.Millisecond})
	_, err := store.Get(t.Context(), "key")
	if !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, storage.ErrUnavailable)
	}
}

func TestCallerGivesUp(t *testing.T) {
	for op := range storagetest.Operations(&s3store.Store{}, "e1") {
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			hang(w, r)
		})
		err := storagetest.Operations(s.store(t, s3store.Options{}), "e1")[op](ctx)
		if !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v alone", op, err, context.Canceled)
		}
		if got := len(s.seen()); got != 1 {
			t.Errorf("%s: got %d requests, want 1", op, got)
		}
		cancel()
	}
}

// TestNoAnswer: a refused connection and missing credentials.
func TestNoAnswer(t *testing.T) {
	s := serve(t, hang)
	s.Close()
	store := s.store(t, s3store.Options{})
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("", "", "")})
	anonymous, err := s3store.New(client, "bucket", s3store.Options{})
	if err != nil {
		t.Fatalf("New: got %v, want nil", err)
	}
	for name, store := range map[string]*s3store.Store{"refused": store, "no credentials": anonymous} {
		for op, call := range storagetest.Operations(store, "e1") {
			if err := call(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("%s, %s: got %v, want %v", name, op, err, storage.ErrUnavailable)
			}
		}
	}
}

// TestRequests: what the driver puts on the wire.
func TestRequests(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e2"`) })
	store := s.store(t, s3store.Options{Prefix: "some/lists"})
	ctx := t.Context()
	_, created := store.Create(ctx, "São João", []byte("body"))
	_, replaced := store.Replace(ctx, "Casa", []byte("new"), "e1")
	deleted := store.Delete(ctx, "a/../b", "e1")
	_, _, got := store.GetIfChanged(ctx, "..", "e1")
	if err := errors.Join(created, replaced, deleted, got); err != nil {
		t.Fatalf("got %v, want nil", err)
	}
	requests := s.seen()
	for i, want := range []struct{ method, path, ifMatch, ifNoneMatch, body string }{
		{"PUT", "/bucket/some/lists/São João.json", "", "*", "body"},
		{"PUT", "/bucket/some/lists/Casa.json", `"e1"`, "", "new"},
		{"DELETE", "/bucket/some/lists/~/YS8uLi9i.json", `"e1"`, "", ""},
		{"GET", "/bucket/some/lists/...json", "", `"e1"`, ""},
	} {
		r := requests[i]
		if r.Method != want.method || r.URL.Path != want.path || r.Header.Get("If-Match") != want.ifMatch || r.Header.Get("If-None-Match") != want.ifNoneMatch || s.bodies[i] != want.body {
			t.Errorf("request %d: got %s %s If-Match: %s If-None-Match: %s %q, want %+v", i, r.Method, r.URL.Path, r.Header.Get("If-Match"), r.Header.Get("If-None-Match"), s.bodies[i], want)
		}
	}
}

// TestForgedVersions: a version that could weaken the condition is never sent.
func TestForgedVersions(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e2"`) })
	store := s.store(t, s3store.Options{})
	for _, version := range []storage.Version{"", "*", `"`, `"*"`, `a", "b`, "a,b", "a\nb", "a b", "é"} {
		if _, err := store.Replace(t.Context(), "key", nil, version); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Replace at %q: got %v, want %v", version, err, storage.ErrConflict)
		}
		if err := store.Delete(t.Context(), "key", version); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Delete at %q: got %v, want %v", version, err, storage.ErrConflict)
		}
	}
	if got := len(s.seen()); got != 0 {
		t.Errorf("got %d requests, want 0", got)
	}
}

// TestConditionIgnored: a server without conditional reads sends the object
// again, which is no change.
func TestConditionIgnored(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"e1"`)
		_, _ = io.WriteString(w, "body")
	})
	doc, changed, err := s.store(t, s3store.Options{}).GetIfChanged(t.Context(), "key", "e1")
	if err != nil || changed || doc.Body != nil {
		t.Errorf("got %q, changed = %t, %v, want nothing, false, nil", doc.Body, changed, err)
	}
}

// TestKeysAreDocuments: a listing holds other things, over several pages, in
// an order that is not that of the keys.
func TestKeysAreDocuments(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		names := []string{"p/a-b.json", "p/a.json", "p/S%C3%A3o+Jo%C3%A3o%2B.json", "p/%EF%BF%BE.json", "p/readme.txt", "p/.json"}
		next := "more"
		switch q := r.URL.Query(); {
		case q.Get("prefix") == "p/~/":
			names, next = []string{"p/~/YS9i.json", "p/~/YWI.json", "p/~/%21.json", "p/~/check"}, ""
		case q.Get("continuation-token") == "more":
			names, next = []string{"p/z.json"}, ""
		}
		listing(next != "", next, names...)(w, r)
	})
	var got []string
	for key, err := range s.store(t, s3store.Options{Prefix: "p"}).Keys(t.Context()) {
		if err != nil {
			t.Fatalf("Keys: got %v, want nil", err)
		}
		got = append(got, key)
	}
	if want := []string{"São João+", "a", "a-b", "a/b", "z"}; !slices.Equal(got, want) {
		t.Errorf("Keys: got %q, want %q", got, want)
	}
}

func TestOpenURL(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
	for raw, want := range map[string]string{
		"s3://bucket?region=eu-west-1":                                                "",
		"s3://bucket/a/b/?region=eu-west-1&path_style=true":                           "",
		"s3://bucket?region=x&endpoint=http://localhost:4566&checksums=when_required": "",
		"s3://bucket":                                           "no region: expected the parameter region or the variable AWS_REGION",
		"s3:///prefix?region=x":                                 `bucket "": expected s3://BUCKET or s3://BUCKET/PREFIX`,
		"s3://bucket:80?region=x":                               `host "bucket:80" has a port: expected none`,
		"s3://bucket?region=x&acl=public":                       `unknown parameter "acl": expected one of region, endpoint, path_style, checksums, probe`,
		"s3://bucket?region=x&region=y":                         `parameter "region" is given 2 times`,
		"s3://bucket?region=x&path_style=maybe":                 `path_style "maybe": expected true or false`,
		"s3://bucket?region=x&endpoint=localhost:4566":          `endpoint "localhost:4566": expected an address such as http://localhost:4566`,
		"s3://bucket?region=x&endpoint=http://id:secret@host":   "endpoint has user information, a query or a fragment: credentials do not belong in it",
		"s3://bucket?region=x&checksums=never":                  `checksums "never": expected when_supported or when_required`,
		"s3://bucket/a/../b?region=x":                           `prefix "a/../b": segments must not be empty, "." or ".."`,
		"s3://bucket/" + strings.Repeat("p", 301) + "?region=x": "prefix has 301 bytes, at most 300 are allowed",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("Parse: got %v, want nil", err)
		}
		_, err = s3store.OpenURL(t.Context(), u)
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("%.60s: got %v, want %s", raw, err, want)
		}
	}
}

// openURL opens the bucket at the endpoint by a URL with more parameters.
func openURL(t *testing.T, endpoint, parameters string) storage.Store {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	u, err := url.Parse("s3://bucket?region=x&path_style=true" + parameters + "&endpoint=" + endpoint)
	if err != nil {
		t.Fatalf("Parse: got %v, want nil", err)
	}
	store, err := s3store.OpenURL(t.Context(), u)
	if err != nil {
		t.Fatalf("OpenURL: got %v, want nil", err)
	}
	return store
}

// TestOpenURLChecksums: the parameter reaches the wire.
func TestOpenURLChecksums(t *testing.T) {
	for value, want := range map[string]bool{"": true, "&checksums=when_supported": true, "&checksums=when_required": false} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e1"`) })
		store := openURL(t, s.URL, value)
		if _, err := store.Create(t.Context(), "key", []byte("body")); err != nil {
			t.Fatalf("Create: got %v, want nil", err)
		}
		if got := s.seen()[0].Header.Get("X-Amz-Checksum-Crc32") != ""; got != want {
			t.Errorf("%q: got a checksum = %t, want %t", value, got, want)
		}
	}
}

// TestOpenURLProbe: the parameter lets a server pass that ignores conditions.
func TestOpenURLProbe(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e1"`) })
	for value, want := range map[string]error{"": storage.ErrRefused, "&probe=off": nil} {
		store := openURL(t, s.URL, value)
		if err := storage.Check(t.Context(), store); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", value, err, want)
		}
	}
}

// resolver counts the endpoints that it resolves.
type resolver struct {
	s3.EndpointResolverV2
	resolved atomic.Int64
}

func (r *resolver) ResolveEndpoint(ctx context.Context, p s3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	r.resolved.Add(1)
	return r.EndpointResolverV2.ResolveEndpoint(ctx, p)
}

// The endpoint of the bucket is resolved once. Requests do not share what the SDK
// adds to it, which the race detector would find.
func TestEndpointIsResolvedOnce(t *testing.T) {
	var signed atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "/eu-south-2/s3/aws4_request") && strings.HasPrefix(r.URL.Path, "/b/key-") {
			signed.Add(1)
		}
		w.Header().Set("ETag", `"1"`)
	}))
	defer server.Close()
	counting := &resolver{EndpointResolverV2: s3.NewDefaultEndpointResolverV2()}
	client := s3.New(s3.Options{
		Region: "eu-south-2", BaseEndpoint: &server.URL, UsePathStyle: true, EndpointResolverV2: counting,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	store, err := s3store.New(client, "b", s3store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	get := func(n int) {
		if _, err := store.Get(t.Context(), fmt.Sprint("key-", n)); err != nil {
			t.Error(err)
		}
	}
	get(0)
	first := counting.resolved.Load()
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() { get(n + 1) })
	}
	all.Wait()
	if more := counting.resolved.Load() - first; more > 0 {
		t.Errorf("20 more calls resolved %d more endpoints, want none", more)
	}
	if got := signed.Load(); got != 21 {
		t.Errorf("signed requests for their keys: got %d, want 21", got)
	}
}
