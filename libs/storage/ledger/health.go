package ledger

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// patience is how long a reader that has an old copy waits for the store.
	patience = 2 * time.Second
	// The store is away when it has not answered anything for awayAfter and
	// failed awayFailures times, or for awayAtLatest.
	awayAfter    = time.Second
	awayFailures = 3
	awayAtLatest = 2500 * time.Millisecond
	// While it is away it is asked every probeEvery, and an answer that takes
	// longer than probeTimeout is none.
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
	// The pauses of a commit that waits for the store to come back.
	retryFirst = 25 * time.Millisecond
	retryLast  = time.Second
)

// health tells a store that fails now and then from one that is away.
type health struct {
	away  atomic.Bool
	fails atomic.Int64 // since the last answer

	volatile atomic.Int64 // keys whose latest write may be lost

	mu        sync.Mutex
	latest    error         // of the store
	since     time.Time     // when the first call of fails began
	recovered chan struct{} // closed at an answer, when the store was away
	probing   bool
}

// failed keeps the store's latest error.
func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latest = err
}

// answered notes that the store answered, whatever it said.
func (l *Ledger[T]) answered() {
	h := &l.health
	if h.fails.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails.Store(0)
	if !h.away.Load() {
		return
	}
	h.away.Store(false)
	close(h.recovered)
	h.recovered = make(chan struct{})
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "store answers again",
		slog.Duration("away", time.Since(h.since)))
	if f := l.opts.Observer.Away; f != nil {
		f(false)
	}
}

// unanswered notes that a call that began then got no answer.
func (l *Ledger[T]) unanswered(key string, began time.Time, cause error) {
	if l.base.Err() != nil {
		return // it was given up, by Close
	}
	h := &l.health
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latest = cause
	if h.fails.Add(1) == 1 {
		h.since = began
	}
	silent := time.Since(h.since)
	if h.away.Load() || silent < awayAfter || h.fails.Load() < awayFailures && silent < awayAtLatest {
		return
	}
	if !h.probing && !l.start(nil, func() { l.probe(key) }) {
		return
	}
	h.probing = true
	h.away.Store(true)
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "store does not answer",
		slog.String("key", key), slog.Int64("failures", h.fails.Load()), slog.Duration("since", silent), slog.Any("error", cause))
	if f := l.opts.Observer.Away; f != nil {
		f(true)
	}
}

// probe asks the store, with the key that met its absence, until it answers.
func (l *Ledger[T]) probe(key string) {
	for {
		timer := time.NewTimer(l.jitter(probeEvery/2, probeEvery))
		select {
		case <-l.closing:
			timer.Stop()
			return
		case <-timer.C:
		}
		ctx, cancel := context.WithTimeout(l.base, probeTimeout)
		_, err := l.store.Get(ctx, key)
		cancel()
		if isAnswer(err) {
			l.answered()
		}
		l.health.mu.Lock()
		if !l.health.away.Load() {
			l.health.probing = false
			l.health.mu.Unlock()
			return
		}
		l.health.mu.Unlock()
	}
}

// recovery returns a channel that is closed when the store, away now, answers.
func (l *Ledger[T]) recovery() <-chan struct{} {
	l.health.mu.Lock()
	defer l.health.mu.Unlock()
	return l.health.recovered
}
