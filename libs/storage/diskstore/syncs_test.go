package diskstore

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// TestWritesShareASync: writes that arrive while the directory is being synced share
// the next sync, and its error, because the one under way may not include them.
func TestWritesShareASync(t *testing.T) {
	for _, result := range []error{nil, errors.New("the disk is gone")} {
		synctest.Test(t, func(t *testing.T) {
			dir := &slowDirectory{directory: newDisk(nil), begun: make(chan int), results: make(chan error)}
			s, err := newStore(dir)
			if err != nil {
				t.Fatalf("newStore: got %v, want nil", err)
			}
			var writes sync.WaitGroup
			turns := make(map[*turn]bool)
			write := func(want error) {
				key := fmt.Sprint(len(turns))
				for turns[s.turn(key)] {
					key += "x" // writes of one turn would wait for each other
				}
				turns[s.turn(key)] = true
				writes.Go(func() {
					if _, err := s.Create(t.Context(), key, nil); !errors.Is(err, want) {
						t.Errorf("write of %s: got %v, want %v", key, err, want)
					}
				})
			}
			write(nil)
			<-dir.begun
			var notDurable error
			if result != nil {
				notDurable = storage.ErrNotDurable
			}
			for range 20 {
				write(notDurable)
			}
			synctest.Wait()
			dir.results <- nil
			if n := <-dir.begun; n != 2 {
				t.Errorf("the second sync: got number %d, want 2", n)
			}
			dir.results <- result
			writes.Wait()
		})
	}
}

// slowDirectory announces each sync and ends it with the next result.
type slowDirectory struct {
	directory
	syncs   int
	begun   chan int
	results chan error
}

func (d *slowDirectory) Sync() error {
	d.syncs++
	d.begun <- d.syncs
	return <-d.results
}
