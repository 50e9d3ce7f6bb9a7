package diskstore

import "sync"

// groupSync lets callers share syncs: everyone who arrives while one is under
// way is served by the next, because only a sync that began after a change
// covers it. A failed sync fails all whom it served and is not repeated.
type groupSync struct {
	sync func() error

	turn sync.Mutex // held by the sync that is under way
	mu   sync.Mutex
	next *round // the sync that has not begun
}

type round struct {
	done chan struct{}
	err  error
}

// Sync returns once a sync that began after the call has ended.
func (g *groupSync) Sync() error {
	g.mu.Lock()
	if r := g.next; r != nil {
		g.mu.Unlock()
		<-r.done
		return r.err
	}
	r := &round{done: make(chan struct{})}
	g.next = r
	g.mu.Unlock()

	g.turn.Lock()
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	r.err = g.sync()
	g.turn.Unlock()
	close(r.done)
	return r.err
}
