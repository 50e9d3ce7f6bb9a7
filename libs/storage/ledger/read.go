package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// flight is one read of the store on behalf of all readers that arrived before it
// began.
type flight[T any] struct {
	done chan struct{} // closed when doc and err are set
	slow chan struct{} // closed when it took longer than patience
	doc  *document[T]
	err  error

	timer *time.Timer     // closes slow
	cause context.Context //nolint:containedctx // of the first reader, for its values
}

// isAnswer reports whether err is an answer of the store, not an outage.
func isAnswer(err error) bool {
	return err == nil || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrRefused)
}

func (e *entry[T]) read(ctx context.Context) (Snapshot[T], error) {
	e.mu.Lock()
	if e.sole() && e.trusted && e.doc != nil {
		s := e.doc.snap
		e.mu.Unlock()
		return s, nil
	}
	if e.l.health.away.Load() {
		if s, ok := e.stale(); ok {
			e.mu.Unlock()
			e.served(s)
			return s, nil
		}
	}
	hasCopy := e.doc != nil
	f := e.join(ctx)
	e.mu.Unlock()
	if f == nil {
		return Snapshot[T]{}, ErrClosed
	}
	var slow <-chan struct{}
	if hasCopy {
		slow = f.slow
	}
	for {
		select {
		case <-f.done:
			if f.err == nil {
				return f.doc.snap, nil
			}
			if errors.Is(f.err, ErrDamaged) || isAnswer(f.err) || errors.Is(f.err, ErrClosed) {
				return Snapshot[T]{}, f.err
			}
		case <-slow:
		case <-e.l.base.Done():
			return Snapshot[T]{}, ErrClosed
		case <-ctx.Done():
			e.mu.Lock()
			err := e.because(fmt.Errorf("%w: no answer yet: %w", storage.ErrUnavailable, ctx.Err()))
			e.mu.Unlock()
			return Snapshot[T]{}, err
		}
		e.mu.Lock()
		s, ok := e.stale()
		e.mu.Unlock()
		if ok {
			e.served(s)
			return s, nil
		}
		select {
		case <-f.done:
			if f.err != nil {
				return Snapshot[T]{}, unavailable(f.err)
			}
		default:
		}
		slow = nil // no copy after all: wait for the store
	}
}

// unavailable returns err as [storage.ErrUnavailable] if it is not that already.
func unavailable(err error) error {
	if errors.Is(err, storage.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

// stale returns the known document with its age, if it is recent enough. The caller
// holds e.mu.
func (e *entry[T]) stale() (Snapshot[T], bool) {
	if e.doc == nil || e.damage != nil {
		return Snapshot[T]{}, false
	}
	s := e.doc.snap
	s.Age = max(time.Since(e.confirmed), 1)
	return s, s.Age <= e.l.opts.StaleFor
}

// served reports an answer with an old copy to the observer.
func (e *entry[T]) served(s Snapshot[T]) {
	if f := e.l.opts.Observer.StaleRead; f != nil {
		f(e.key, s.Age)
	}
}

// join returns a flight that has not begun to read: the one after the flight under
// way, or a new one. It returns nil if the ledger is closed. The caller holds e.mu.
func (e *entry[T]) join(cause context.Context) *flight[T] {
	if e.next != nil {
		return e.next
	}
	f := &flight[T]{done: make(chan struct{}), slow: make(chan struct{}), cause: cause}
	if e.flight != nil {
		e.next = f
	} else {
		e.flight = f
		if !e.l.start(e, e.fly) {
			e.flight = nil
			return nil
		}
	}
	f.timer = time.AfterFunc(patience, func() { close(f.slow) })
	return f
}

// fly reads for e.flight and those that follow it.
func (e *entry[T]) fly() {
	for {
		doc, err := e.fetchOr(errGoexit)
		if !e.answerFlight(doc, err) {
			return
		}
	}
}

// answerFlight answers the readers of e.flight, and reports whether another one follows.
func (e *entry[T]) answerFlight(doc *document[T], err error) (more bool) {
	e.mu.Lock()
	f := e.flight
	f.doc, f.err = doc, err
	f.timer.Stop()
	e.flight, e.next = e.next, nil
	more = e.flight != nil
	if err != nil {
		e.notifyError(err)
	}
	e.mu.Unlock()
	close(f.done)
	return more
}

// fetchOr is fetchPersistently. If the codec ends the goroutine, the flight fails
// with err, and the next one begins in another goroutine.
func (e *entry[T]) fetchOr(err error) (*document[T], error) {
	ended := false
	defer func() {
		if ended {
			return
		}
		e.l.logGoexit(e.key)
		if e.answerFlight(nil, err) {
			e.l.goOn(e, e.fly)
		}
	}()
	doc, err := e.fetchPersistently()
	ended = true
	return doc, err
}

// fetchPersistently is fetch with retries. The first attempt has a short timeout: a
// read that hangs more often has a bad connection than a bad store, and readers
// wait only for a short time.
func (e *entry[T]) fetchPersistently() (*document[T], error) {
	const tries = 3
	began := time.Now()
	e.mu.Lock()
	cause := e.flight.cause
	e.mu.Unlock()
	timeout := e.l.opts.CallTimeout / 3
	for try := 1; ; try++ {
		doc, err := e.fetch(cause, timeout)
		switch {
		case err == nil || errors.Is(err, ErrDamaged) || isAnswer(err):
			return doc, err
		case e.l.base.Err() != nil:
			return nil, ErrClosed
		case try == tries || e.l.health.away.Load() || time.Since(began) > patience:
			return nil, err
		}
		timeout = e.l.opts.CallTimeout
		pause := retryFirst << try
		e.l.sleep(e.l.jitter(pause/2, pause))
	}
}

// sleep pauses. It returns early if the ledger gives up or the store is back.
func (l *Ledger[T]) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.base.Done():
	case <-l.recovery():
	}
}
