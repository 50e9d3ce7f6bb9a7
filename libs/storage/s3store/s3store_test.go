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
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
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
	client := s3.New(s3.Options{
		Region:       "us-east-1",
		BaseEndpoint: &s.URL,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider("id", "secret", ""),
		// What the driver must turn off for writes.
		RetryMaxAttempts: 5,
	})
	store, err := s3store.New(client, "bucket", options)
	if err != nil {
		t.Fatalf("New: got %v, want nil", err)
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

func operations(ctx context.Context, s *s3store.Store) map[string]func() error {
	return map[string]func() error{
		"get":     func() error { _, err := s.Get(ctx, "key"); return err },
		"create":  func() error { _, err := s.Create(ctx, "key", []byte("body")); return err },
		"replace": func() error { _, err := s.Replace(ctx, "key", []byte("body"), "e1"); return err },
		"delete":  func() error { return s.Delete(ctx, "key", "e1") },
		"check":   func() error { return s.Check(ctx) },
		"keys": func() error {
			for _, err := range s.Keys(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// TestAnswers is the table of what each answer means to each operation, and
// of how many requests the operation sent to get it.
func TestAnswers(t *testing.T) {
	const (
		writes = "create replace delete"
		reads  = "get check keys"
		all    = writes + " " + reads
	)
	for _, c := range []struct {
		name     string
		answer   http.HandlerFunc
		ops      string
		want     error
		requests int
	}{
		{"412", failure(412, "PreconditionFailed"), writes, storage.ErrConflict, 1},
		{"412 of a proxy", page(412, "<html>"), writes, storage.ErrConflict, 1},
		{"412 to a read", failure(412, "PreconditionFailed"), reads, storage.ErrUnavailable, 1},
		{"409 ConditionalRequestConflict", failure(409, "ConditionalRequestConflict"), writes, storage.ErrConflict, 1},
		{"409 OperationAborted", failure(409, "OperationAborted"), writes, storage.ErrUnavailable, 1},
		{"404 NoSuchKey to a read", failure(404, "NoSuchKey"), "get", storage.ErrNotFound, 1},
		{"404 NoSuchKey to the check", failure(404, "NoSuchKey"), "check", nil, 1},
		{"404 NoSuchKey to If-Match", failure(404, "NoSuchKey"), "replace delete", storage.ErrConflict, 1},
		{"404 NoSuchKey to If-None-Match", failure(404, "NoSuchKey"), "create", storage.ErrUnavailable, 1},
		{"404 NoSuchBucket", failure(404, "NoSuchBucket"), all, storage.ErrUnavailable, 1},
		{"404 of a proxy", page(404, "<html><body>not here</body></html>"), all, storage.ErrUnavailable, 1},
		{"404 without a body", page(404, ""), all, storage.ErrUnavailable, 1},
		{"403 AccessDenied", failure(403, "AccessDenied"), all, storage.ErrRefused, 1},
		{"403 InvalidAccessKeyId", failure(403, "InvalidAccessKeyId"), all, storage.ErrUnavailable, 1},
		{"403 ExpiredToken", failure(403, "ExpiredToken"), all, storage.ErrUnavailable, 1},
		{"403 RequestTimeTooSkewed", failure(403, "RequestTimeTooSkewed"), all, storage.ErrUnavailable, 1},
		{"400 ExpiredToken", failure(400, "ExpiredToken"), all, storage.ErrUnavailable, 1},
		{"400 EntityTooLarge", failure(400, "EntityTooLarge"), writes, storage.ErrRefused, 1},
		{"400 KeyTooLongError", failure(400, "KeyTooLongError"), all, storage.ErrRefused, 1},
		{"413 of a proxy", page(413, "<html>too large</html>"), writes, storage.ErrRefused, 1},
		{"400", failure(400, "InvalidRequest"), all, storage.ErrRefused, 1},
		{"301", failure(301, "PermanentRedirect"), all, storage.ErrUnavailable, 1},
		{"304 to a write", failure(304, ""), writes, storage.ErrUnavailable, 1},
		{"304 that was not asked for", failure(304, ""), "get", storage.ErrUnavailable, 1},
		{"500 to a write", failure(500, "InternalError"), writes, storage.ErrUnavailable, 1},
		{"500 to a read", failure(500, "InternalError"), reads, storage.ErrUnavailable, 3},
		{"503 to a write", failure(503, "SlowDown"), writes, storage.ErrUnavailable, 1},
		{"503 to a read", failure(503, "SlowDown"), reads, storage.ErrUnavailable, 3},
		{"501 to a write", failure(501, "NotImplemented"), writes, storage.ErrRefused, 1},
		{"connection closed on a write", hangUp, writes, storage.ErrUnavailable, 1},
		{"connection closed on a read", hangUp, reads, storage.ErrUnavailable, 3},
		{"no answer to a write", hang, writes, storage.ErrUnavailable, 1},
		{"no answer to a read", hang, reads, storage.ErrUnavailable, 3},
		{"object cut short", cutShort, "get", storage.ErrUnavailable, 3},
		{"200 without an ETag", page(200, ""), "get create replace", storage.ErrUnavailable, 1},
		{"200 with a page for a listing", page(200, "<html>"), "keys", storage.ErrUnavailable, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for op := range strings.FieldsSeq(c.ops) {
				s := serve(t, c.answer)
				var observed []s3store.Request
				// Long enough for any answer but the one that never comes.
				timeout := time.Minute
				if strings.HasPrefix(c.name, "no answer") {
					timeout = 20 * time.Millisecond
				}
				store := s.store(t, s3store.Options{NoProbe: true, AttemptTimeout: timeout, CallTimeout: time.Minute, Observe: func(r s3store.Request) { observed = append(observed, r) }})
				err := operations(t.Context(), store)[op]()
				if !errors.Is(err, c.want) {
					t.Errorf("%s: got %v, want %v", op, err, c.want)
				}
				var detailed *storage.Error
				if c.want != nil && (!errors.As(err, &detailed) || detailed.Op != op) {
					t.Errorf("%s: got %v, want a *storage.Error of this operation", op, err)
				}
				for _, other := range []error{storage.ErrNotFound, storage.ErrConflict, storage.ErrRefused, storage.ErrUnavailable} {
					if !errors.Is(c.want, other) && errors.Is(err, other) {
						t.Errorf("%s: got %v, which is also %v", op, err, other)
					}
				}
				if got := len(s.seen()); got != c.requests {
					t.Errorf("%s: got %d requests, want %d", op, got, c.requests)
				}
				if len(observed) != c.requests {
					t.Errorf("%s: got %d requests observed, want %d", op, len(observed), c.requests)
				}
			}
		})
	}
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
			doc, err := s.store(t, s3store.Options{}).Get(t.Context(), "key")
			if err != nil || string(doc.Body) != "body" || doc.Version != "e1" {
				t.Errorf("got %q at %q and %v, want \"body\" at \"e1\" and nil", doc.Body, doc.Version, err)
			}
			if got := len(s.seen()); got != 2 {
				t.Errorf("got %d requests, want 2", got)
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
	for op := range operations(t.Context(), nil) {
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			hang(w, r)
		})
		err := operations(ctx, s.store(t, s3store.Options{}))[op]()
		if !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v alone", op, err, context.Canceled)
		}
		if got := len(s.seen()); got != 1 {
			t.Errorf("%s: got %d requests, want 1", op, got)
		}
		cancel()
	}
}

// TestNobodyThere: a refused connection and missing credentials.
func TestNobodyThere(t *testing.T) {
	s := serve(t, hang)
	s.Close()
	store := s.store(t, s3store.Options{})
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("", "", "")})
	anonymous, err := s3store.New(client, "bucket", s3store.Options{})
	if err != nil {
		t.Fatalf("New: got %v, want nil", err)
	}
	for name, store := range map[string]*s3store.Store{"refused": store, "no credentials": anonymous} {
		for op, call := range operations(t.Context(), store) {
			if err := call(); !errors.Is(err, storage.ErrUnavailable) {
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
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprintf(w, `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated><NextContinuationToken>%s</NextContinuationToken>`, next != "", next)
		for _, name := range names {
			fmt.Fprintf(w, `<Contents><Key>%s</Key></Contents>`, name)
		}
		fmt.Fprint(w, `</ListBucketResult>`)
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
		"s3://bucket?region=x&endpoint=http://id:secret@host":   "endpoint has user information: credentials do not belong in it",
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

// TestOpenURLChecksums: the parameter reaches the wire.
func TestOpenURLChecksums(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for value, want := range map[string]bool{"": true, "&checksums=when_supported": true, "&checksums=when_required": false} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e1"`) })
		u, err := url.Parse("s3://bucket?region=x&path_style=true" + value + "&endpoint=" + s.URL)
		if err != nil {
			t.Fatalf("Parse: got %v, want nil", err)
		}
		store, err := s3store.OpenURL(t.Context(), u)
		if err != nil {
			t.Fatalf("OpenURL: got %v, want nil", err)
		}
		if _, err := store.Create(t.Context(), "key", []byte("body")); err != nil {
			t.Fatalf("Create: got %v, want nil", err)
		}
		if got := s.seen()[0].Header.Get("X-Amz-Checksum-Crc32") != ""; got != want {
			t.Errorf("%q: got a checksum = %t, want %t", value, got, want)
		}
	}
}
