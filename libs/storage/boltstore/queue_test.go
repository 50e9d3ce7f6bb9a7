package boltstore

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// awaitQueue returns when n changes wait for the commit under way.
func (s *Store) awaitQueue(n int) {
	for waiting := 0; waiting < n; runtime.Gosched() {
		s.queueMu.Lock()
		waiting = len(s.queue)
		s.queueMu.Unlock()
	}
}

// TestGivenUpInQueue: a write that its caller no longer waits for is not made.
func TestGivenUpInQueue(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "documents.db"))
	if err != nil {
		t.Fatalf("Open: got %v, want nil", err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	s.mu.Lock() // as a commit under way does
	go func() {
		_, err := s.Create(ctx, "key", nil)
		result <- err
	}()
	s.awaitQueue(1)
	cancel()
	s.mu.Unlock()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Create: got %v, want %v", err, context.Canceled)
	}
	if _, err := s.Get(t.Context(), "key"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Get: got %v, want %v", err, storage.ErrNotFound)
	}
}

// TestDamagedPageInCommit: a write that meets a damaged page fails for certain, and
// those that share its commit land.
func TestDamagedPageInCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	const documents = 30
	versions := make([]storage.Version, documents)
	body := bytes.Repeat([]byte("x"), 1000)
	for i := range documents {
		if versions[i], err = s.Create(t.Context(), strconv.Itoa(i), body); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for page := 2; page < len(whole)/os.Getpagesize(); page++ {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.WriteAt(make([]byte, os.Getpagesize()), int64(page*os.Getpagesize()))
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		var good, bad []int
		for i := range documents {
			if _, err := s.Get(t.Context(), strconv.Itoa(i)); err != nil {
				bad = append(bad, i)
			} else {
				good = append(good, i)
			}
		}
		if len(good) > 0 && len(bad) > 0 {
			tried++
			results := make([]error, 3)
			var calls sync.WaitGroup
			s.mu.Lock() // as a commit under way does
			for n, i := range []int{good[0], bad[0], good[len(good)-1]} {
				calls.Go(func() { _, results[n] = s.Replace(t.Context(), strconv.Itoa(i), body, versions[i]) })
				s.awaitQueue(n + 1)
			}
			s.mu.Unlock()
			calls.Wait()
			if results[0] != nil || !errors.Is(results[1], storage.ErrUnavailable) || errors.Is(results[1], storage.ErrNotDurable) || results[2] != nil {
				t.Errorf("page %d: got %v, want the second alone to fail, with ErrUnavailable", page, results)
			}
		}
		_ = s.Close()
	}
	if tried == 0 {
		t.Error("no page was damaged that holds some of the documents")
	}
}
