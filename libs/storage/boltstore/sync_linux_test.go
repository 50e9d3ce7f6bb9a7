package boltstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
)

// syncFails makes the next sync of the open file at path fail: it replaces the
// file's descriptor by /dev/null, which accepts every write and cannot be synced.
func syncFails(t *testing.T, path string) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err != nil || target != path {
			continue
		}
		n, err := strconv.Atoi(fd.Name())
		if err == nil {
			err = syscall.Dup3(int(null.Fd()), n, syscall.O_CLOEXEC)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("%s is not open", path)
}

// After a sync that failed nothing is taken from memory: the file is opened anew
// and decides, and while it cannot be opened every call says why.
func TestFailedSync(t *testing.T) {
	for name, test := range map[string]struct {
		between func(t *testing.T, path string) // the failed sync and the next call
		want    string
	}{
		"the file is there": {func(*testing.T, string) {}, ""},
		"it was moved": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Rename(path, path+".moved"); err != nil {
				t.Fatal(err)
			}
		}, "was moved"},
		"another is in its place": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Rename(path, path+".moved"); err != nil {
				t.Fatal(err)
			}
			filled(t, path)
		}, "another file"},
		"it was emptied": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}, "it is empty"},
		"it is no database any more": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, make([]byte, 64<<10), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "invalid database"},
		"another process has it": {func(t *testing.T, path string) {
			t.Helper()
			other, err := boltstore.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = other.Close() })
		}, "in use by another process"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "documents.db")
			s := open(t, path)
			version, err := s.Create(t.Context(), "key", []byte("1"))
			if err != nil {
				t.Fatal(err)
			}
			syncFails(t, path)
			if _, err := s.Replace(t.Context(), "key", []byte("2"), version); !errors.Is(err, storage.ErrNotDurable) || errors.Is(err, storage.ErrRefused) {
				t.Fatalf("Replace whose sync fails: got %v, want %v", err, storage.ErrNotDurable)
			}
			test.between(t, path)
			doc, get := s.Get(t.Context(), "key")
			_, replace := s.Replace(t.Context(), "key", []byte("3"), version)
			check := s.Check(t.Context())
			var keys error
			for _, err := range s.Keys(t.Context()) {
				keys = errors.Join(keys, err)
			}
			for op, err := range map[string]error{"Get": get, "Replace": replace, "Check": check, "Keys": keys} {
				if test.want == "" && err != nil {
					t.Errorf("%s: got %v, want nil", op, err)
				}
				if test.want != "" && (!errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrNotDurable) || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("%s: got %v, want %v with %q", op, err, storage.ErrUnavailable, test.want)
				}
			}
			if test.want == "" && string(doc.Body) != "1" {
				t.Errorf("got %q, want what the file holds", doc.Body)
			}
		})
	}
}

// Close after a failed sync, with nothing open, is no error, and ends the store.
func TestCloseAfterFailedSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	s := open(t, path)
	syncFails(t, path)
	if _, err := s.Create(t.Context(), "key", nil); !errors.Is(err, storage.ErrNotDurable) {
		t.Fatalf("Create whose sync fails: got %v, want %v", err, storage.ErrNotDurable)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: got %v, want nil", err)
	}
	if _, err := s.Get(t.Context(), "key"); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Get after Close: got %v, want %v", err, storage.ErrUnavailable)
	}
}
