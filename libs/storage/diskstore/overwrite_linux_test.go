package diskstore

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// overwriting opens a store, whose files are overwritten on ext4 and XFS.
func overwriting(t *testing.T) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, dir
}

// kept returns n, or 0 if the file system does not support overwriting.
func kept(s *Store, n int) int {
	if locked, ok := s.dir.(*lockedDirectory); !ok || !locked.overwrites {
		return 0
	}
	return n
}

// put replaces the document, or creates it.
func put(t *testing.T, s *Store, key, body string) {
	t.Helper()
	doc, err := s.Get(t.Context(), key)
	if err == nil {
		_, err = s.Replace(t.Context(), key, []byte(body), doc.Version)
	} else {
		_, err = s.Create(t.Context(), key, []byte(body))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, path string) uint64 {
	t.Helper()
	var stat syscall.Stat_t
	if err := syscall.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

func spares(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A document alternates between two files, and its deletion removes both. Large files
// are replaced by new ones.
func TestOverwrite(t *testing.T) {
	s, dir := overwriting(t)
	for _, c := range []struct {
		body   string
		spares int
	}{{strings.Repeat("large", maxSpare), 0}, {"small", kept(s, 1)}} {
		var numbers []uint64
		for n := range 6 {
			put(t, s, "key", fmt.Sprint(n, c.body))
			numbers = append(numbers, number(t, filepath.Join(dir, "key.json")))
		}
		if alternates := numbers[2] == numbers[4] && numbers[3] == numbers[5] && numbers[4] != numbers[5]; !alternates && c.spares > 0 {
			t.Errorf("%.10s: got files %v, want two by turns", c.body, numbers)
		}
		if got := spares(t, dir); len(got) != c.spares {
			t.Errorf("%.10s: got temporary files %q, want %d", c.body, got, c.spares)
		}
		doc, err := s.Get(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "key", doc.Version); err != nil {
			t.Fatal(err)
		}
		if got := spares(t, dir); len(got) > 0 {
			t.Errorf("%.10s: got temporary files %q after Delete, want none", c.body, got)
		}
	}
	// A document that has become large has no spare, which would be as large.
	for _, body := range []string{"1", "2", "3" + strings.Repeat(" ", maxSpare)} {
		put(t, s, "key", body)
	}
	if got := spares(t, dir); len(got) > 0 {
		t.Errorf("a document that has become large: got temporary files %q, want none", got)
	}
	// Of the keys that take turns the latest have spares.
	for n, keys := 0, 0; keys < 2*maxRecent; n++ {
		key := fmt.Sprint("key ", n)
		if s.turn(key) != s.turn("key") {
			continue
		}
		keys++
		put(t, s, key, "1")
		put(t, s, key, "2")
	}
	if got, want := spares(t, dir), kept(s, maxRecent); len(got) != want {
		t.Errorf("got temporary files %q, want %d", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := spares(t, dir); len(got) > 0 {
		t.Errorf("got temporary files %q after Close, want none", got)
	}
}

// A file that is open, mapped, has a second name or other permissions is not
// overwritten.
func TestOverwriteSpares(t *testing.T) {
	for name, hold := range map[string]func(path string) (read func() ([]byte, error), err error){
		"open": func(path string) (func() ([]byte, error), error) {
			f, err := os.Open(path)
			return func() ([]byte, error) {
				defer f.Close()
				body := make([]byte, 100)
				n, err := f.Read(body)
				return body[:n], err
			}, err
		},
		"mapped": func(path string) (func() ([]byte, error), error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			body, err := syscall.Mmap(int(f.Fd()), 0, len("held"), syscall.PROT_READ, syscall.MAP_SHARED)
			return func() ([]byte, error) {
				held := bytes.Clone(body)
				return held, syscall.Munmap(body)
			}, err
		},
		"linked": func(path string) (func() ([]byte, error), error) {
			link := path + ".link"
			return func() ([]byte, error) { return os.ReadFile(link) }, os.Link(path, link)
		},
		"readable": func(path string) (func() ([]byte, error), error) {
			return func() ([]byte, error) {
				info, err := os.Stat(path)
				if err == nil && info.Mode() != 0o600 {
					err = fmt.Errorf("%s has mode %v, want 0600", path, info.Mode())
				}
				return []byte("held"), err
			}, os.Chmod(path, 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := overwriting(t)
			put(t, s, "key", "first")
			put(t, s, "key", "held")
			read, err := hold(filepath.Join(dir, "key.json"))
			if err != nil {
				t.Fatal(err)
			}
			for n := range 4 {
				put(t, s, "key", fmt.Sprint("later ", n))
			}
			if got, err := read(); err != nil || string(got) != "held" {
				t.Errorf("got %q and %v, want \"held\" and nil", got, err)
			}
		})
	}
}

// TestReadersSeeWholeFiles reads files while they are replaced, by name and as a
// program that looked up the file earlier and opens it when it is a spare. Each read
// must return one complete body of the document.
func TestReadersSeeWholeFiles(t *testing.T) {
	s, dir := overwriting(t)
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	read := func(key string, late bool) {
		path := filepath.Join(dir, key+".json")
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if late && n%20 == 0 {
				const pathOnly = 0x200000 // O_PATH, which package syscall does not have
				found, err := os.OpenFile(filepath.Join(dir, key+".json"), pathOnly, 0)
				if err != nil {
					t.Error(err)
					return
				}
				defer found.Close()
				path = fmt.Sprintf("/proc/self/fd/%d", found.Fd())
			}
			if got, err := os.ReadFile(path); err != nil || !isWhole(key, string(got)) {
				t.Errorf("%s, late %t: got %d bytes %.40q and %v, want one body of it", key, late, len(got), got, err)
				return
			}
		}
	}
	for _, key := range []string{"a", "b"} {
		put(t, s, key, whole(key, 0))
		for _, late := range []bool{false, true} {
			readers.Go(func() { read(key, late) })
		}
		writers.Go(func() {
			doc, err := s.Get(t.Context(), key)
			for n, at := 1, doc.Version; n < 100 && err == nil; n++ {
				at, err = s.Replace(t.Context(), key, []byte(whole(key, n)), at)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

// whole is the nth body of a key; isWhole recognises it.
func whole(key string, n int) string {
	return strings.Repeat(fmt.Sprintf("%s%04d", key, n), 1+n*1371%3000)
}

func isWhole(key, body string) bool {
	var n int
	if _, err := fmt.Sscanf(body, key+"%04d", &n); err != nil {
		return false
	}
	return body == whole(key, n)
}

// No file of the directory contains deleted content, even if another process has the
// document's previous file open.
func TestNothingDeletedStays(t *testing.T) {
	for _, held := range []bool{false, true} {
		s, dir := overwriting(t)
		for n := range 4 {
			put(t, s, "key", fmt.Sprintf("secret %d, to be deleted", n))
		}
		if held {
			f, err := os.Open(filepath.Join(dir, "key.json"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
		}
		put(t, s, "key", "public")
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if body, err := os.ReadFile(file); err != nil || bytes.Contains(body, []byte("secret")) {
				t.Errorf("held %t: %s: got %q, %v, want nothing deleted", held, file, body, err)
			}
		}
	}
}

// Writes succeed after another process has removed the spare.
func TestOverwriteLost(t *testing.T) {
	s, dir := overwriting(t)
	put(t, s, "key", "1")
	put(t, s, "key", "2")
	for _, path := range spares(t, dir) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, "key", "3")
	put(t, s, "key", "4")
	if got, err := os.ReadFile(filepath.Join(dir, "key.json")); err != nil || string(got) != "4" {
		t.Errorf("got %q and %v, want \"4\" and nil", got, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "key.json")); err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("got %v and %v, want mode 0600", info, err)
	}
}
