package ledger

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// The pauses between attempts to repeat a write that may be lost.
const (
	rewriteFirst = 500 * time.Millisecond
	rewriteLast  = 10 * time.Second
)

// errNoLongerGone ends the repetition of a deletion.
var errNoLongerGone = errors.New("the key holds a document again")

// notDurable records that a write or deletion took effect and may be lost again.
// Until a later write succeeds, nothing that depends on it is acknowledged:
// operations that would only read, such as repetitions, write the document once
// more. A background attempt does the same, so that the state ends without a
// client.
func (e *entry[T]) notDurable(cause error) {
	l := e.l
	e.mu.Lock()
	first := e.volatile == 0
	e.volatile++
	e.trusted = false
	e.mu.Unlock()
	l.health.failed(cause)
	if !first {
		return
	}
	l.health.volatile.Add(1)
	l.log.LogAttrs(context.Background(), slog.LevelError, "a write may be lost; it is not acknowledged and will be repeated",
		slog.String("key", e.key), slog.Any("error", cause))
	l.start(e, e.makeDurable)
}

// isVolatile returns 0 if the stored document is durable, and otherwise the argument
// for [durable].
func (e *entry[T]) isVolatile() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.volatile
}

// durable records a durable write before which isVolatile returned seen.
func (e *entry[T]) durable(seen uint64) {
	if seen == 0 {
		return
	}
	e.mu.Lock()
	ended := e.volatile == seen
	if ended {
		e.volatile = 0
	}
	e.mu.Unlock()
	if ended {
		e.l.health.volatile.Add(-1)
		e.l.log.LogAttrs(context.Background(), slog.LevelInfo, "the key's document is durable again", slog.String("key", e.key))
	}
}

// makeDurable repeats the write of the document until it is durable.
func (e *entry[T]) makeDurable() {
	l := e.l
	for pause := rewriteFirst; e.isVolatile() != 0; pause = min(2*pause, rewriteLast) {
		timer := time.NewTimer(l.jitter(pause/2, pause))
		select {
		case <-timer.C:
		case <-l.closing:
			timer.Stop()
			return
		}
		e.rewrite()
	}
}

// rewrite makes one attempt. Errors are recorded where they occur.
func (e *entry[T]) rewrite() {
	err := e.forget(e.l.base, func(s Snapshot[T]) error {
		if s.Exists {
			return errNoLongerGone
		}
		return nil
	})
	if !errors.Is(err, errNoLongerGone) {
		return // deleted once more, or the store failed
	}
	c := newCall(e.l.base, Op[T]{Apply: func(s State[T]) (Change[T], error) {
		return Change[T]{Doc: s.Doc, Unchanged: true}, nil
	}})
	if e.enqueue(c) != nil {
		return
	}
	select {
	case <-c.done:
	case <-e.l.closing:
		e.leave(c, ErrClosed)
	}
}
