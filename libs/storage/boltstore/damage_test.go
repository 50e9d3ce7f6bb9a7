package boltstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
)

const documents = 30

func filled(t *testing.T, path string) {
	t.Helper()
	store, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range documents {
		if _, err := store.Create(t.Context(), fmt.Sprint(i), bytes.Repeat([]byte("x"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// A damaged page is an error of the documents on it, and never ends the
// process or reads as an absent document.
func TestDamagedPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.db")
	filled(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for page := 2; page < len(whole)/4096; page++ {
		damaged := bytes.Clone(whole)
		clear(damaged[page*4096 : (page+1)*4096])
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		store, err := boltstore.Open(path)
		if err != nil {
			continue // refused at once, which is right, too
		}
		for i := range documents {
			if _, err := store.Get(t.Context(), fmt.Sprint(i)); err != nil && !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("page %d, key %d: got %v, want the document or ErrUnavailable", page, i, err)
			}
		}
		if err := store.Close(); err != nil {
			t.Logf("page %d: close: %v", page, err)
		}
	}
}

// A file that is cut off while it is open fails the reads that meet the gap, and
// does not end the process.
func TestFileCutOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.db")
	filled(t, path)
	store, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := os.Truncate(path, 2*4096); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range documents {
		if _, err := store.Get(t.Context(), fmt.Sprint(i)); errors.Is(err, storage.ErrUnavailable) {
			failed++
		} else if err != nil {
			t.Errorf("key %d: got %v, want the document or ErrUnavailable", i, err)
		}
	}
	if failed == 0 {
		t.Error("got every document of a file without its pages")
	}
}

func TestMovedAndEmptyFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.db")
	store, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	version, err := store.Create(t.Context(), "k", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if _, err := store.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Replace(t.Context(), "k", []byte("2"), version); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "moved") {
		t.Errorf("write to a moved file: got %v, want ErrUnavailable with the reason", err)
	}
	if err := store.Check(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("check: got %v, want ErrUnavailable", err)
	}

	// Another file in its place is another file all the same.
	filled(t, path)
	if err := store.Check(t.Context()); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "another file") {
		t.Errorf("check of a replaced file: got %v, want ErrUnavailable with the reason", err)
	}

	restored := filepath.Join(t.TempDir(), "restored.db")
	if err := os.WriteFile(restored, backup.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	copied, err := boltstore.Open(restored)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = copied.Close() })
	if doc, err := copied.Get(t.Context(), "k"); err != nil || string(doc.Body) != "1" {
		t.Errorf("backup: got %q, %v; want the document", doc.Body, err)
	}

	empty := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := boltstore.Open(empty); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty file: got %v, want it refused", err)
	}
}
