package diskstore_test

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

func open(tb testing.TB, dir string) *diskstore.Store {
	tb.Helper()
	s, err := diskstore.Open(dir)
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
		*diskstore.Store
		dir string
	}
	openIn := func(tb testing.TB, dir string) storage.Store { return opened{open(tb, dir), dir} }
	storagetest.Run(t, storagetest.Harness{
		Name: "disk",
		Open: func(tb testing.TB) storage.Store { return openIn(tb, tb.TempDir()) },
		Away: func(_ testing.TB, s storage.Store) { _ = s.(io.Closer).Close() },
		Reopen: func(tb testing.TB, s storage.Store) storage.Store {
			before, ok := s.(opened)
			if !ok {
				tb.Fatalf("got a %T, want what Open returned", s)
			}
			if err := before.Close(); err != nil {
				tb.Fatalf("Close: got %v, want nil", err)
			}
			return openIn(tb, before.dir)
		},
	})
}

func TestOpenCreatesDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir)
	if _, err := s.Create(t.Context(), "key", []byte("body")); err != nil {
		t.Fatalf("Create: got %v, want nil", err)
	}
	if got := files(t, dir); !maps.Equal(got, map[string]string{"key.json": "body"}) {
		t.Errorf("directory: got %v, want key.json", got)
	}
}

func TestOpenOnFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(path, "below")} {
		if _, err := diskstore.Open(path); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "file") {
			t.Errorf("Open(%s): got %v, want %v that says it is a file", path, err, storage.ErrUnavailable)
		}
	}
}

// TestDirectoryGone: without its directory the store knows nothing, least of all
// that a document does not exist.
func TestDirectoryGone(t *testing.T) {
	for name, lose := range map[string]func(string) error{
		"removed": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+" elsewhere") },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+" elsewhere"), os.Mkdir(dir, 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			s := open(t, dir)
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("Check before: got %v, want nil", err)
			}
			version, err := s.Create(t.Context(), "kept", []byte("1"))
			if err != nil {
				t.Fatal(err)
			}
			if err := lose(dir); err != nil {
				t.Fatal(err)
			}
			_, replace := s.Replace(t.Context(), "kept", []byte("2"), version)
			_, get := s.Get(t.Context(), "missing")
			_, create := s.Create(t.Context(), "missing", nil)
			for op, err := range map[string]error{"get": get, "create": create, "replace": replace, "delete": s.Delete(t.Context(), "kept", version), "check": s.Check(t.Context())} {
				if !errors.Is(err, storage.ErrUnavailable) {
					t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
				}
			}
		})
	}
}

func TestClosed(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatalf("Close: got %v, want nil", err)
	}
	_, get := s.Get(t.Context(), "key")
	_, create := s.Create(t.Context(), "key", nil)
	var keys error
	for _, err := range s.Keys(t.Context()) {
		keys = err
	}
	for op, err := range map[string]error{"get": get, "create": create, "delete": s.Delete(t.Context(), "key", "v"), "keys": keys, "check": s.Check(t.Context())} {
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s after Close: got %v, want %v", op, err, storage.ErrUnavailable)
		}
	}
}

// TestOtherFilesIgnored: files whose names the store does not give stay as they
// are, and IsFileName is false for them.
func TestOtherFilesIgnored(t *testing.T) {
	others := map[string]string{
		"Casa.json":                        "a capital",
		"São João 2020.json":               "accents and a space",
		"a~zz.json":                        "no escape",
		"~61.json":                         "an escape without need",
		"~00.json":                         "no key",
		strings.Repeat("n", 201) + ".json": "a long one",
		".json":                            "empty",
		"\xff.json":                        "no UTF-8",
		"readme.txt":                       "no document",
	}
	dir := t.TempDir()
	for name, body := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if diskstore.IsFileName(name) {
			t.Errorf("IsFileName(%.20q): got true, want false", name)
		}
	}
	s := open(t, dir)
	var want []string
	for name := range others {
		key := strings.TrimSuffix(name, ".json")
		if storage.CheckKey(key) != nil {
			continue
		}
		version, err := s.Create(t.Context(), key, nil)
		if err != nil {
			t.Errorf("Create(%.20q): got %v, want nil", key, err)
		}
		if key == "Casa" {
			if err := s.Delete(t.Context(), key, version); err != nil {
				t.Errorf("Delete(%q): got %v, want nil", key, err)
			}
			continue
		}
		want = append(want, key)
	}
	slices.Sort(want)
	var got []string
	for key, err := range s.Keys(t.Context()) {
		if err != nil {
			t.Errorf("Keys: got %v, want nil", err)
		}
		got = append(got, key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Keys: got %.20q, want %.20q", got, want)
	}
	documents := 0
	found := files(t, dir)
	for name, body := range others {
		if found[name] != body {
			t.Errorf("%.20q: got %q, want %q", name, found[name], body)
		}
	}
	for name := range found {
		if diskstore.IsFileName(name) {
			documents++
		}
	}
	if documents != len(want) {
		t.Errorf("IsFileName: got true for %d files, want %d", documents, len(want))
	}
}

// files returns what is in the directory, but for the lock.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == ".lock" {
			continue
		}
		body, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(body)
	}
	return found
}

// TestNothingOutside: no key reaches beyond the directory, not even by a link.
func TestNothingOutside(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "data")
	if err := os.WriteFile(filepath.Join(parent, "secret.json"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Symlink("../secret.json", filepath.Join(dir, "link.json"))); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if doc, err := s.Get(t.Context(), "link"); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Get through a link: got %q and %v, want %v", doc.Body, err, storage.ErrUnavailable)
	}
	for _, key := range storagetest.HostileKeys() {
		if _, err := s.Create(t.Context(), key, []byte("body")); err != nil {
			t.Errorf("Create(%.40q): got %v, want nil", key, err)
		}
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 2 {
		t.Errorf("parent directory: got %v and %v, want data and secret.json alone", entries, err)
	}
	folded := make(map[string]string)
	for name := range files(t, dir) {
		if before, ok := folded[strings.ToLower(name)]; ok {
			t.Errorf("%q and %q differ by case alone", name, before)
		}
		folded[strings.ToLower(name)] = name
		if len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("%q: want at most 255 bytes of ASCII", name)
		}
	}
}

// TestReplaceNoticesForeignChanges changes a file that the store has just
// written, which its documentation forbids: what the store remembers of it must not
// count any more.
func TestReplaceNoticesForeignChanges(t *testing.T) {
	changes := map[string]func(path string) error{
		"written in place": func(path string) error {
			later := time.Now().Add(time.Second) // file systems differ in how fine their times are
			return errors.Join(os.WriteFile(path, []byte("theirs"), 0o600), os.Chtimes(path, later, later))
		},
		"renamed over": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("theirs"), 0o600), os.Rename(path+".new", path))
		},
		"removed": os.Remove,
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store := open(t, dir)
			version, err := store.Create(t.Context(), "list", []byte("mine 1"))
			if err != nil {
				t.Fatal(err)
			}
			if version, err = store.Replace(t.Context(), "list", []byte("mine 2"), version); err != nil {
				t.Fatalf("Replace of what the store wrote: %v", err)
			}
			if err := change(filepath.Join(dir, "list.json")); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Replace(t.Context(), "list", []byte("mine 3"), version); !errors.Is(err, storage.ErrConflict) {
				t.Errorf("Replace: got %v, want %v", err, storage.ErrConflict)
			}
		})
	}
}

// Checks at the same time do not disturb one another.
func TestConcurrentChecks(t *testing.T) {
	s := open(t, t.TempDir())
	var checks sync.WaitGroup
	for range 8 {
		checks.Go(func() {
			for range 200 {
				if err := s.Check(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	checks.Wait()
}
