package diskstore

import (
	"sync/atomic"
	"testing"
)

// TestKeysDoNotWait: while one key's write is stuck in a sync others go on.
func TestKeysDoNotWait(t *testing.T) {
	stuck := &stuckFolder{directory: newDisk(nil), entered: make(chan struct{}), release: make(chan struct{})}
	s, err := newStore(stuck)
	if err != nil {
		t.Fatalf("newStore: got %v, want nil", err)
	}
	result := make(chan error)
	go func() {
		_, err := s.Create(t.Context(), "stuck", []byte("stuck"))
		result <- err
	}()
	<-stuck.entered
	other := "other"
	for n := 0; s.turn(other) == s.turn("stuck"); n++ {
		other += "r"
	}
	version, err := s.Create(t.Context(), other, nil)
	if err == nil {
		_, err = s.Replace(t.Context(), other, []byte("body"), version)
	}
	if err != nil {
		t.Errorf("writes of another key: got %v, want nil", err)
	}
	if doc, err := s.Get(t.Context(), other); err != nil || string(doc.Body) != "body" {
		t.Errorf("Get of another key: got %q and %v, want \"body\" and nil", doc.Body, err)
	}
	close(stuck.release)
	if err := <-result; err != nil {
		t.Errorf("the write that was stuck: got %v, want nil", err)
	}
}

// stuckFolder holds the first file's sync until it is released.
type stuckFolder struct {
	directory
	first            atomic.Bool
	entered, release chan struct{}
}

type stuckFile struct {
	file
	directory *stuckFolder
}

func (d *stuckFolder) Create(name string) (file, error) {
	f, err := d.directory.Create(name)
	if err == nil && d.first.CompareAndSwap(false, true) {
		return stuckFile{f, d}, nil
	}
	return f, err
}

func (f stuckFile) Sync() error {
	close(f.directory.entered)
	<-f.directory.release
	return f.file.Sync()
}
