package diskstore

import "sync"

// syncs lets calls that wait at the same time share one sync.
type syncs struct {
	running chan struct{} // has an element while a sync is under way

	mu   sync.Mutex
	next *shared // the sync that has not begun, or nil
}

type shared struct {
	done chan struct{} // closed when err is set
	err  error
}

func newSyncs() syncs { return syncs{running: make(chan struct{}, 1)} }

// wait calls do, or waits for another call of wait to do so, and returns the error
// of a sync that began after wait was called.
func (s *syncs) wait(do func() error) error {
	s.mu.Lock()
	one, first := s.next, s.next == nil
	if first {
		one = &shared{done: make(chan struct{})}
		s.next = one
	}
	s.mu.Unlock()
	if !first {
		<-one.done
		return one.err
	}
	s.running <- struct{}{}
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	one.err = do()
	<-s.running
	close(one.done)
	return one.err
}
