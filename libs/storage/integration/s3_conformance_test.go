package integration

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/integration/localstack"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

func open(tb testing.TB, rawURL string) storage.Store {
	tb.Helper()
	var stores storageurl.Mux
	// On a busy machine, many concurrent calls take longer than the default of 2 s.
	stores.Handle("s3", s3store.Options{AttemptTimeout: 10 * time.Second, CallTimeout: time.Minute}.OpenURL)
	s, err := stores.Open(tb.Context(), rawURL)
	if err != nil {
		tb.Fatalf("Open: got %v, want nil", err)
	}
	return s
}

func TestConformance(t *testing.T) {
	type opened struct {
		*s3store.Store
		url string
	}
	openAt := func(tb testing.TB, rawURL string) storage.Store {
		s, ok := open(tb, rawURL).(*s3store.Store)
		if !ok {
			tb.Fatalf("Open: got no *s3store.Store")
		}
		return opened{s, rawURL}
	}
	again := func(tb testing.TB, s storage.Store) storage.Store {
		before, ok := s.(opened)
		if !ok {
			tb.Fatalf("got a %T, want what Open returned", s)
		}
		return openAt(tb, before.url)
	}
	writers, increments := 0, 0 // the suite's own
	if testing.Short() {
		writers, increments = 8, 40
	}
	storagetest.Run(t, storagetest.Harness{
		Writers: writers, Increments: increments,
		Name:     "S3 of " + localstack.Server,
		Open:     func(tb testing.TB) storage.Store { return openAt(tb, newBucket(tb)) },
		Second:   again,
		Reopen:   again,
		NoDelete: localstack.NoDelete,
	})
}

// TestObjectsOfOthers reads, replaces and lists objects that were put without a
// condition.
func TestObjectsOfOthers(t *testing.T) {
	rawURL := newBucket(t)
	bucket, _, _ := strings.Cut(strings.TrimPrefix(rawURL, "s3://"), "/")
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &localstack.Endpoint, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "")})
	names := []string{"Casa", "São João 2020", "a~b", "casa", "default"}
	for _, name := range names {
		object := "lists/" + name + ".json"
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &object, Body: strings.NewReader(`[{"title": "` + name + `"}]`)}); err != nil {
			t.Fatalf("PutObject: got %v, want nil", err)
		}
	}
	s := open(t, rawURL)
	lister, ok := s.(storage.Lister)
	if !ok {
		t.Fatal("got a store that cannot list")
	}
	var keys []string
	for key, err := range lister.Keys(t.Context()) {
		if err != nil {
			t.Fatalf("Keys: got %v, want nil", err)
		}
		keys = append(keys, key)
	}
	if !slices.Equal(keys, names) {
		t.Errorf("Keys: got %q, want %q", keys, names)
	}
	for _, name := range names {
		doc, err := s.Get(t.Context(), name)
		if want := `[{"title": "` + name + `"}]`; err != nil || string(doc.Body) != want {
			t.Errorf("Get(%q): got %q and %v, want %q and nil", name, doc.Body, err, want)
		}
		if _, err := s.Create(t.Context(), name, nil); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Create(%q): got %v, want %v", name, err, storage.ErrConflict)
		}
		if _, err := s.Replace(t.Context(), name, []byte("new"), doc.Version); err != nil {
			t.Errorf("Replace(%q): got %v, want nil", name, err)
		}
		object := "lists/" + name + ".json"
		out, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &object})
		if err != nil || *out.ContentLength != 3 {
			t.Errorf("object %q after Replace: got %v, want 3 bytes in place", object, err)
		}
	}
}

// TestNoBucket: a missing bucket is a store that does not answer, and not an empty
// store.
func TestNoBucket(t *testing.T) {
	s := open(t, otherBucket(newBucket(t)))
	_, get := s.Get(t.Context(), "key")
	_, create := s.Create(t.Context(), "key", nil)
	_, replace := s.Replace(t.Context(), "key", nil, "0123")
	checker, ok := s.(storage.Checker)
	if !ok {
		t.Fatal("got a store without a check")
	}
	for op, err := range map[string]error{"get": get, "create": create, "replace": replace, "check": checker.Check(t.Context())} {
		if !errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
		}
	}
}
