package storagetest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Pages tests that s lists the keys of want and that, after fail has made the
// server refuse one of the pages, a listing ends with [storage.ErrRefused].
func Pages(t *testing.T, s storage.Lister, want []string, fail func()) {
	t.Helper()
	var got []string
	for key, err := range s.Keys(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	fail()
	var err error
	for _, last := range s.Keys(t.Context()) {
		err = last
	}
	if !errors.Is(err, storage.ErrRefused) {
		t.Errorf("a page that fails: got %v, want %v", err, storage.ErrRefused)
	}
}

// Operations returns calls of a store's operations by their names as in
// [storage.Error], on the document "key" at version.
func Operations(s storage.Store, version storage.Version) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{
		"get":     func(ctx context.Context) error { _, err := s.Get(ctx, "key"); return err },
		"create":  func(ctx context.Context) error { _, err := s.Create(ctx, "key", []byte("body")); return err },
		"replace": func(ctx context.Context) error { _, err := s.Replace(ctx, "key", []byte("body"), version); return err },
		"delete":  func(ctx context.Context) error { return s.Delete(ctx, "key", version) },
	}
	if checker, ok := s.(storage.Checker); ok {
		calls["check"] = checker.Check
	}
	if lister, ok := s.(storage.Lister); ok {
		calls["keys"] = func(ctx context.Context) error {
			for _, err := range lister.Keys(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	return calls
}

// Answer is a server's answer, and the error that a driver must return for it.
type Answer struct {
	Name string
	// Handler answers every request.
	Handler http.HandlerFunc
	// Ops are the names of the operations to call, separated by spaces.
	Ops string
	// Want is the error that the operations must return, and the only sentinel
	// that it may wrap; nil for success.
	Want error
	// Requests is how many requests each operation sends. If 0, that is 1 for
	// writes and any number for reads; if negative, any number for both.
	Requests int
}

// Answers tests a driver whose server speaks HTTP: for each operation of each
// answer, open returns a store on the server at url, in which version is a
// valid one. Errors must be one line. An answer that never comes takes as long as
// the driver's time limit.
func Answers(t *testing.T, version storage.Version, answers []Answer, open func(tb testing.TB, url string) storage.Store) {
	t.Helper()
	for _, a := range answers {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			for op := range strings.FieldsSeq(a.Ops) {
				a.judge(t, op, version, open)
			}
		})
	}
}

func (a Answer) judge(t *testing.T, op string, version storage.Version, open func(tb testing.TB, url string) storage.Store) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		a.Handler(w, r)
	}))
	defer server.Close()
	call, ok := Operations(open(t, server.URL), version)[op]
	if !ok {
		t.Fatalf("%s: got a store without it", op)
	}
	err := call(t.Context())
	if !errors.Is(err, a.Want) {
		t.Errorf("%s: got %v, want %v", op, err, a.Want)
	}
	for _, other := range []error{storage.ErrNotFound, storage.ErrConflict, storage.ErrRefused, storage.ErrUnavailable} {
		if errors.Is(err, other) && !errors.Is(a.Want, other) {
			t.Errorf("%s: got %v, which is also %v", op, err, other)
		}
	}
	if err != nil {
		detailed, ok := errors.AsType[*storage.Error](err)
		if !ok || detailed.Op != op {
			t.Errorf("%s: got %v, want a *storage.Error of this operation", op, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q, want one line", op, err)
		}
	}
	want := int64(a.Requests)
	if want == 0 && (op == "create" || op == "replace" || op == "delete") {
		want = 1
	}
	if got := requests.Load(); want > 0 && got != want {
		t.Errorf("%s: got %d requests, want %d", op, got, want)
	}
}
