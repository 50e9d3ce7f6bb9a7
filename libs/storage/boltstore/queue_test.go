package boltstore

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
)

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
	for waiting := 0; waiting == 0; runtime.Gosched() {
		s.queueMu.Lock()
		waiting = len(s.queue)
		s.queueMu.Unlock()
	}
	cancel()
	s.mu.Unlock()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Create: got %v, want %v", err, context.Canceled)
	}
	if _, err := s.Get(t.Context(), "key"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Get: got %v, want %v", err, storage.ErrNotFound)
	}
}
