package ledger

import (
	"context"
	"errors"
	"time"
)

type watcher[T any] struct {
	ch       chan Snapshot[T] // holds the newest snapshot
	revision uint64           // of the last snapshot sent
	nonce    string
	failed   bool        // a snapshot with Err was sent last
	stop     func() bool // of the context's function
}

// send replaces the snapshot in the channel by s, unless s was sent before. The
// caller holds entry.mu, so there is one sender.
func (w *watcher[T]) send(s Snapshot[T]) {
	if s.Revision != w.revision || s.Nonce != w.nonce || w.failed {
		w.put(s)
	}
}

func (w *watcher[T]) put(s Snapshot[T]) {
	w.revision, w.nonce, w.failed = s.Revision, s.Nonce, s.Err != nil
	select {
	case <-w.ch:
	default:
	}
	w.ch <- s
}

// watch returns a channel that keeps e in memory until it is closed.
func (e *entry[T]) watch(ctx context.Context) (<-chan Snapshot[T], error) {
	s, err := e.read(ctx)
	if err != nil {
		return nil, err
	}
	w := &watcher[T]{ch: make(chan Snapshot[T], 1)}
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.l.closing:
		return nil, ErrClosed
	default:
	}
	if err := e.l.pin(e); err != nil {
		e.l.refused(e.key)
		return nil, err
	}
	if !e.polling {
		if e.kick == nil {
			e.kick = make(chan struct{}, 1)
		}
		if !e.l.start(e, e.poll) {
			e.l.unpin(e)
			return nil, ErrClosed
		}
		e.polling = true
	}
	if e.watchers == nil {
		e.watchers = make(map[*watcher[T]]struct{})
	}
	e.watchers[w] = struct{}{}
	e.l.watches.Add(1)
	w.put(s)
	if e.doc != nil && e.damage == nil {
		w.send(e.doc.snap) // what landed since it was read
	}
	w.stop = context.AfterFunc(ctx, func() { e.unwatch(w) })
	return w.ch, nil
}

// unwatch closes w's channel, once.
func (e *entry[T]) unwatch(w *watcher[T]) {
	e.mu.Lock()
	_, open := e.watchers[w]
	if open {
		delete(e.watchers, w)
		close(w.ch)
		e.l.watches.Add(-1)
		if len(e.watchers) == 0 {
			e.l.unpin(e)
		}
		e.wakePoll()
	}
	e.mu.Unlock()
	if open {
		w.stop()
		e.l.release(e)
	}
}

func (e *entry[T]) unwatchAll() {
	e.mu.Lock()
	watchers := make([]*watcher[T], 0, len(e.watchers))
	for w := range e.watchers {
		watchers = append(watchers, w)
	}
	e.mu.Unlock()
	for _, w := range watchers {
		e.unwatch(w)
	}
}

// notify sends the known document to all watchers. The caller holds e.mu.
func (e *entry[T]) notify() {
	for w := range e.watchers {
		w.send(e.doc.snap)
	}
	e.wakePoll()
}

// notifyError reports to all watchers, once, that the document cannot be read. The
// caller holds e.mu.
func (e *entry[T]) notifyError(err error) {
	if e.doc == nil || errors.Is(err, ErrClosed) {
		return
	}
	s := e.doc.snap
	s.Age, s.Err = max(time.Since(e.confirmed), 1), fail("watch", e.key, err)
	for w := range e.watchers {
		if !w.failed {
			w.put(s)
		}
	}
}

// notifyWell reports the end of an error to its watchers. The caller holds e.mu.
func (e *entry[T]) notifyWell() {
	for w := range e.watchers {
		if w.failed {
			w.put(e.doc.snap)
		}
	}
}

// wakePoll makes the poller compute its next read again. The caller holds e.mu.
func (e *entry[T]) wakePoll() {
	if e.kick != nil {
		select {
		case e.kick <- struct{}{}:
		default:
		}
	}
}

// poll reads the document periodically while it is watched.
func (e *entry[T]) poll() {
	l := e.l
	last := time.Now()
	// Per mille, and one draw for each wait, so that it does not shrink by
	// being drawn again at each kick.
	factor := int64(l.jitter(900, 1100))
	for {
		e.mu.Lock()
		if len(e.watchers) == 0 {
			e.polling = false
			e.mu.Unlock()
			return
		}
		now := time.Now()
		if e.confirmed.After(last) {
			last = e.confirmed
		}
		interval, hinted := e.hintedInterval(now)
		if !hinted {
			interval = l.watchInterval(now.Sub(e.changed))
		}
		wait := last.Add(time.Duration(int64(interval) * factor / 1000)).Sub(now)
		if at, due := e.catchUpAt(last); due {
			wait = min(wait, at.Sub(now))
		}
		looking := e.hints.look
		if looking {
			wait = min(wait, e.hints.notBefore.Sub(now))
		}
		if e.sole() {
			// There is nothing to find, unless the key will be shared.
			wait = l.opts.WatchSlowest
		}
		var f *flight[T]
		known := e.adopted
		if wait <= 0 {
			e.hints.look, e.hints.catchUp = false, time.Time{}
			f = e.join(l.base)
		}
		e.mu.Unlock()
		if wait <= 0 {
			if f == nil {
				return // closed
			}
			<-f.done
			if looking {
				e.looked(f, known)
			}
			last = now
			factor = int64(l.jitter(900, 1100))
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.kick:
		case <-l.closing:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// watchInterval returns the time between two reads of a document that did not
// change for quiet.
func (l *Ledger[T]) watchInterval(quiet time.Duration) time.Duration {
	return min(max(quiet/60, l.opts.WatchFastest), l.opts.WatchSlowest)
}
