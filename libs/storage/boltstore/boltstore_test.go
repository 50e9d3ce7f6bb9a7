package boltstore_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

func open(tb testing.TB, path string) *boltstore.Store {
	tb.Helper()
	s, err := boltstore.Open(path)
	if err != nil {
		tb.Fatalf("Open: got %v, want nil", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: got %v, want nil", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	type opened struct {
		*boltstore.Store
		path string
	}
	openAt := func(tb testing.TB, path string) storage.Store { return opened{open(tb, path), path} }
	storagetest.Run(t, storagetest.Harness{
		Name: "bbolt",
		Open: func(tb testing.TB) storage.Store { return openAt(tb, filepath.Join(tb.TempDir(), "documents.db")) },
		Away: func(_ testing.TB, s storage.Store) { _ = s.(io.Closer).Close() },
		Reopen: func(tb testing.TB, s storage.Store) storage.Store {
			before, ok := s.(opened)
			if !ok {
				tb.Fatalf("got a %T, want what Open returned", s)
			}
			if err := before.Close(); err != nil {
				tb.Fatalf("Close: got %v, want nil", err)
			}
			return openAt(tb, before.path)
		},
	})
}

// TestVersionsNeverReturn: unlike a digest, a number differs for each of A, B, A, also
// after a deletion and a restart.
func TestVersionsNeverReturn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	s := open(t, path)
	seen := make(map[storage.Version]bool)
	for range 3 {
		version, err := s.Create(t.Context(), "key", []byte("A"))
		if err != nil || seen[version] {
			t.Fatalf("Create: got the version %q and %v, want a new one and nil", version, err)
		}
		seen[version] = true
		if err := s.Delete(t.Context(), "key", version); err != nil {
			t.Fatalf("Delete: got %v, want nil", err)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("Close: got %v, want nil", err)
		}
		s = open(t, path)
	}
}

// TestCommitIsShared: of the writes that share a commit, each has its own
// result.
func TestCommitIsShared(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "documents.db"))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	for i := range 200 {
		key := "key " + strconv.Itoa(i/2)
		all.Go(func() {
			if i%10 == 9 {
				_, err := s.Create(cancelled, "cancelled", nil)
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Create with a context that is done: got %v, want %v", err, context.Canceled)
				}
				return
			}
			version, err := s.Create(t.Context(), key, []byte(key))
			if err != nil && !errors.Is(err, storage.ErrConflict) {
				t.Errorf("Create: got %v, want nil or %v", err, storage.ErrConflict)
			}
			if doc, err := s.Get(t.Context(), key); err != nil || string(doc.Body) != key || version != "" && doc.Version != version {
				t.Errorf("Get: got %q at %q and %v, want %q at %q and nil", doc.Body, doc.Version, err, key, version)
			}
		})
	}
	all.Wait()
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "list.json")
	if err := os.WriteFile(noDatabase, []byte(strings.Repeat("[] ", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	held := filepath.Join(dir, "held.db")
	open(t, held)
	for path, want := range map[string]string{
		noDatabase:                        "file " + noDatabase + ": invalid database",
		filepath.Join(noDatabase, "x.db"): "it is a file",
		dir:                               "is a directory",
		held:                              "file " + held + ": in use by another process",
	} {
		_, err := boltstore.Open(path)
		if !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): got %v, want %v and %q", path, err, storage.ErrUnavailable, want)
		}
	}
}

func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a", "b", "documents.db"))
	if err := s.Close(); err != nil {
		t.Fatalf("Close: got %v, want nil", err)
	}
	_, get := s.Get(t.Context(), "key")
	_, create := s.Create(t.Context(), "key", nil)
	for op, err := range map[string]error{"get": get, "create": create, "check": s.Check(t.Context())} {
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s after Close: got %v, want %v", op, err, storage.ErrUnavailable)
		}
	}
}
