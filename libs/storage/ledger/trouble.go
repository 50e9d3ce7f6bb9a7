package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// If more keys are in trouble, the log does not name each.
const troublesNamed = 10

// trouble is the state of the latest reads, or writes, of a key. All fields but
// counted are guarded by entry.mu.
type trouble struct {
	err     error // the latest; nil after a success
	since   time.Time
	fails   int
	named   bool        // in the log
	counted atomic.Bool // in health.failing
}

// heard records the result of a call to the store that began at the given time; t is
// the trouble of the key's reads or writes.
func (e *entry[T]) heard(t *trouble, began time.Time, err error) {
	l := e.l
	if err != nil && l.base.Err() != nil {
		return // Close canceled it
	}
	switch {
	case err == nil || errors.Is(err, storage.ErrNotFound):
		l.answered()
		e.well(t)
	case errors.Is(err, storage.ErrNotDurable):
		l.answered()
		e.observeError(err)
		e.notDurable(err)
	case errors.Is(err, storage.ErrRefused):
		l.answered()
		e.observeError(err)
		e.ill(t, began, err)
	case isAnswer(err):
		l.answered()
	default:
		l.unanswered(began, err)
		e.observeError(err)
		e.ill(t, began, err)
	}
}

func (e *entry[T]) observeError(err error) {
	if f := e.l.opts.Observer.StoreError; f != nil {
		f(e.key, err)
	}
}

// ill records a failure. A refusal counts at once, a missing answer only if it
// persists. It logs once until the next success.
func (e *entry[T]) ill(t *trouble, began time.Time, err error) {
	l := e.l
	l.health.failed(err)
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.err == nil {
		t.since, t.fails = began, 0
	}
	t.err = err
	t.fails++
	refused := errors.Is(err, storage.ErrRefused)
	lasting := t.fails >= awayFailures && time.Since(t.since) >= awayAfter
	if !refused && !lasting || t.counted.Swap(true) {
		return
	}
	n := l.health.failing.Add(1)
	t.named = n <= troublesNamed
	switch {
	case t.named && refused:
		l.log.LogAttrs(context.Background(), slog.LevelError, "store refuses", slog.String("key", e.key), slog.Any("error", err))
	case t.named:
		l.log.LogAttrs(context.Background(), slog.LevelError, "store does not answer for a key", slog.String("key", e.key), slog.Any("error", err))
	case n == troublesNamed+1:
		l.log.LogAttrs(context.Background(), slog.LevelError, "store fails for many keys; from here on they are not named", slog.Any("error", err))
	}
}

// well records a success.
func (e *entry[T]) well(t *trouble) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.err == nil {
		return
	}
	t.err = nil
	if t.counted.Swap(false) {
		e.l.health.failing.Add(-1)
		if t.named {
			e.l.log.LogAttrs(context.Background(), slog.LevelInfo, "store serves the key again",
				slog.String("key", e.key), slog.Duration("after", time.Since(t.since)))
		}
	}
}

// forgotten ends the trouble of an evicted entry. The caller holds Ledger.mu, and
// the entry is not in use.
func (e *entry[T]) forgotten() {
	for _, t := range []*trouble{&e.reads, &e.writes} {
		if t.counted.Swap(false) {
			e.l.health.failing.Add(-1)
		}
	}
}

// because adds to err the reason why the store has not answered for the key, if it
// is known. The caller holds entry.mu.
func (e *entry[T]) because(err error) error {
	for _, t := range []*trouble{&e.writes, &e.reads} {
		// A refusal answered another operation.
		if t.err != nil && !errors.Is(t.err, storage.ErrRefused) {
			return fmt.Errorf("%w; the store's latest error: %w", err, t.err)
		}
	}
	return err
}
