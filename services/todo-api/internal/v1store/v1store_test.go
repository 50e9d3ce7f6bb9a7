package v1store

import (
	"errors"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

type closable interface {
	storage.Store
	io.Closer
}

func openURL(tb testing.TB, dir string) closable {
	tb.Helper()
	s, err := OpenURL(tb.Context(), &url.URL{Scheme: "file", Path: dir})
	if err != nil {
		tb.Fatalf("OpenURL: got %v, want nil", err)
	}
	c, ok := s.(closable)
	if !ok {
		tb.Fatalf("OpenURL: got a %T without Close", s)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func write(tb testing.TB, dir string, files map[string]string) {
	tb.Helper()
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Name:    "disk, beside a file of v1",
		Writers: 8, Increments: 25, // diskstore's test runs the whole race
		Open: func(tb testing.TB) storage.Store {
			dir := tb.TempDir()
			write(tb, dir, map[string]string{"V1.json": "[]"})
			s := openURL(tb, dir)
			if _, ok := s.(*store); !ok {
				tb.Fatalf("OpenURL: got a %T", s)
			}
			doc, err := s.Get(tb.Context(), "V1")
			if err == nil {
				err = s.Delete(tb.Context(), "V1", doc.Version)
			}
			if err != nil {
				tb.Fatal(err)
			}
			return s
		},
	})
}

// TestWithoutV1: a directory without v1 files is a plain diskstore.
func TestWithoutV1(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"casa.json": "[]", "readme.txt": "", ".json": ""})
	if s, ok := openURL(t, dir).(*diskstore.Store); !ok {
		t.Errorf("got a %T, want a *diskstore.Store", s)
	}
}

// TestInPlace: v1 files are read in place, hidden by the first write of their
// document, and deleted with it.
func TestInPlace(t *testing.T) {
	v1 := map[string]string{
		"default.json":                     `[{"id": 1, "title": "plain", "completed": false}]`,
		"Casa.json":                        `[{"id": 1, "title": "upper", "completed": false}]`,
		"casa.json":                        `[{"id": 1, "title": "lower", "completed": false}]`,
		"São João 2020.json":               `[]`,
		"a~zz.json":                        `[{"id": 1, "title": "no escape", "completed": true}]`,
		strings.Repeat("n", 220) + ".json": `[{"id": 1, "title": "long", "completed": true}]`,
		".json":                            "no name",
		"\xff.json":                        "no UTF-8",
		"readme.txt":                       "no list",
	}
	lists := maps.Clone(v1)
	for _, other := range []string{".json", "\xff.json", "readme.txt"} {
		delete(lists, other)
	}
	dir := t.TempDir()
	for name, body := range v1 {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "Directory.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := openURL(t, dir)
	var keys []string
	for name := range lists {
		keys = append(keys, strings.TrimSuffix(name, ".json"))
	}
	slices.Sort(keys)
	wantKeys(t, s, keys)
	for _, key := range keys {
		doc, err := s.Get(t.Context(), key)
		if err != nil || string(doc.Body) != lists[key+".json"] {
			t.Errorf("Get(%.20q): got %q and %v, want %q and nil", key, doc.Body, err, lists[key+".json"])
		}
		if _, err := s.Create(t.Context(), key, nil); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("Create(%.20q): got %v, want %v", key, err, storage.ErrConflict)
		}
	}
	for _, twin := range []string{"CASA", "Default", "Sa\u0303o Joa\u0303o 2020", "\xff", "Directory"} {
		if doc, err := s.Get(t.Context(), twin); err == nil {
			t.Errorf("Get(%q): got %q, want none", twin, doc.Body)
		}
	}
	if got := files(t, dir); !maps.Equal(got, v1) {
		t.Errorf("directory after reading: got %q, want it unchanged", got)
	}

	for _, key := range keys {
		doc, err := s.Get(t.Context(), key)
		if err != nil {
			t.Fatalf("Get(%.20q): got %v, want nil", key, err)
		}
		if _, err := s.Replace(t.Context(), key, []byte("new "+key), doc.Version); err != nil {
			t.Fatalf("Replace(%.20q): got %v, want nil", key, err)
		}
	}
	all := files(t, dir)
	for name, body := range v1 {
		inPlace := name == "default.json" || name == "casa.json"
		if inPlace {
			body = "new " + strings.TrimSuffix(name, ".json")
		}
		if all[name] != body {
			t.Errorf("%.20q after the first write: got %q, want %q", name, all[name], body)
		}
	}
	for range 2 { // before and after a restart
		wantKeys(t, s, keys)
		for _, key := range keys {
			if doc, err := s.Get(t.Context(), key); err != nil || string(doc.Body) != "new "+key {
				t.Errorf("Get(%.20q) after Replace: got %q and %v, want the new body and nil", key, doc.Body, err)
			}
		}
		s = reopen(t, s, dir)
	}

	for _, key := range keys {
		doc, err := s.Get(t.Context(), key)
		if err != nil {
			t.Fatalf("Get(%.20q): got %v, want nil", key, err)
		}
		if err := s.Delete(t.Context(), key, doc.Version); err != nil {
			t.Fatalf("Delete(%.20q): got %v, want nil", key, err)
		}
	}
	for range 2 {
		wantKeys(t, s, nil)
		for _, key := range keys {
			if doc, err := s.Get(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("Get(%.20q) after Delete: got %q and %v, want %v", key, doc.Body, err, storage.ErrNotFound)
			}
		}
		s = reopen(t, s, dir)
	}
	want := map[string]string{".json": "no name", "\xff.json": "no UTF-8", "readme.txt": "no list"}
	if got := files(t, dir); !maps.Equal(got, want) {
		t.Errorf("directory after deletions: got %q, want %q", got, want)
	}
}

func reopen(t *testing.T, s closable, dir string) closable {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: got %v, want nil", err)
	}
	return openURL(t, dir)
}

func wantKeys(t *testing.T, s storage.Store, want []string) {
	t.Helper()
	lister, ok := s.(storage.Lister)
	if !ok {
		t.Fatalf("got a %T without Keys", s)
	}
	var got []string
	for key, err := range lister.Keys(t.Context()) {
		if err != nil {
			t.Errorf("Keys: got %v, want nil", err)
		}
		got = append(got, key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Keys: got %.20q, want %.20q", got, want)
	}
}

// files returns the files of the directory, without the lock.
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

// TestOneWins: of concurrent calls that replace or delete a v1 file, one succeeds.
func TestOneWins(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		write(t, dir, map[string]string{"Casa.json": "v1"})
		s := openURL(t, dir)
		doc, err := s.Get(t.Context(), "Casa")
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		won := make(chan string, 8)
		for i := range 8 {
			group.Go(func() {
				op := "delete"
				var err error
				if i%2 == 0 {
					err = s.Delete(t.Context(), "Casa", doc.Version)
				} else {
					op = "replace"
					_, err = s.Replace(t.Context(), "Casa", []byte("new"), doc.Version)
				}
				if err == nil {
					won <- op
				} else if e, ok := errors.AsType[*storage.Error](err); !ok || e.Op != op || !errors.Is(err, storage.ErrConflict) {
					t.Errorf("got %v, want the conflict of a %s", err, op)
				}
			})
		}
		group.Wait()
		if len(won) != 1 {
			t.Fatalf("got %d winners, want 1", len(won))
		}
		got, err := s.Get(t.Context(), "Casa")
		if op := <-won; op == "replace" && string(got.Body) != "new" || op == "delete" && !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("after the %s: got %q and %v", op, got.Body, err)
		}
	}
}

// TestDeletedHalfway: an interrupted deletion leaves the newest body, never that
// of v1.
func TestDeletedHalfway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"Casa.json": "v1"})
	disk, err := diskstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	faulty := struct {
		*faultstore.Store
		io.Closer
	}{faultstore.New(disk, faultstore.Script("delete", faultstore.Fault{Kind: faultstore.FailBefore})), disk}
	s, err := open(t.Context(), faulty, dir, ignoresCase)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := s.Get(t.Context(), "Casa")
	if err != nil {
		t.Fatal(err)
	}
	version, err := s.Replace(t.Context(), "Casa", []byte("new"), doc.Version)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "Casa", version); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("Delete: got %v, want %v", err, storage.ErrUnavailable)
	}
	if doc, err := reopen(t, s, dir).Get(t.Context(), "Casa"); err != nil || string(doc.Body) != "new" {
		t.Errorf("Get: got %q and %v, want %q and nil", doc.Body, err, "new")
	}
}

// TestUnreadable: an unreadable v1 file is not a missing document.
func TestUnreadable(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "data")
	write(t, parent, map[string]string{"secret.json": "secret"})
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Symlink("../secret.json", filepath.Join(dir, "Link.json"))); err != nil {
		t.Fatal(err)
	}
	s := openURL(t, dir)
	_, get := s.Get(t.Context(), "Link")
	_, create := s.Create(t.Context(), "Link", nil)
	for op, err := range map[string]error{"get": get, "create": create, "delete": s.Delete(t.Context(), "Link", "v")} {
		if e, ok := errors.AsType[*storage.Error](err); !ok || e.Op != op || !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
		}
	}
}

// TestCaseIgnored: on a case-insensitive file system, a v1 file is not read as
// another list.
func TestCaseIgnored(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"Casa.json":     "upper",
		"Old.json":      "hidden",
		"~4fld.json":    "newer",
		"plain.json":    "plain",
		"São João.json": "accents",
	})
	disk, err := diskstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = disk.Close() })
	s, err := open(t.Context(), disk, dir, func(*os.Root) bool { return true })
	if err != nil || s != nil {
		t.Fatalf("open: got %v and %v, want no v1 files left", s, err)
	}
	want := map[string]string{
		"~43asa.json":                   "upper",
		"Old.json.shadowed":             "hidden",
		"~4fld.json":                    "newer",
		"plain.json":                    "plain",
		"~53~c3~a3o~20~4ao~c3~a3o.json": "accents",
	}
	if got := files(t, dir); !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
