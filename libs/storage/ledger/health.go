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
	// The store is away if it answered nothing for awayAfter and failed
	// awayFailures times, or for awayAtLatest, and did not answer askKey either.
	awayAfter    = time.Second
	awayFailures = 3
	awayAtLatest = 2500 * time.Millisecond
	// askKey is a key that no document has. A store that says so is there,
	// whatever it does with the keys in use.
	askKey     = ".ledger-asks-whether-the-store-answers"
	askTimeout = time.Second
	askEvery   = awayAfter / 4
	// While the store is away it is asked every probeEvery.
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
	// The pauses of a commit that waits for the store to come back.
	retryFirst = 25 * time.Millisecond
	retryLast  = time.Second
)

// health tells a store that does not answer from one that fails now and then
// or for some keys.
type health struct {
	away  atomic.Bool
	fails atomic.Int64 // since the last answer

	failing  atomic.Int64 // troubles that count; see trouble
	volatile atomic.Int64 // keys whose latest write may be lost

	mu        sync.Mutex
	latest    error         // of the store
	since     time.Time     // when the first call of fails began
	asking    bool          // the store is asked for askKey
	silent    bool          // and did not answer
	recovered chan struct{} // closed at an answer, when the store was away
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
	h.silent = false
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

// unanswered notes that a call that began then got no answer. That may be due
// to its key, so the store is asked for another one.
func (l *Ledger[T]) unanswered(began time.Time, cause error) {
	h := &l.health
	h.mu.Lock()
	defer h.mu.Unlock()
	l.countFailure(began, cause)
	if !h.asking {
		h.asking = l.start(nil, l.ask)
	}
}

// countFailure counts a call without an answer, and decides whether the store
// is away. health.mu is held.
func (l *Ledger[T]) countFailure(began time.Time, cause error) {
	h := &l.health
	h.latest = cause
	if h.fails.Add(1) == 1 {
		h.since = began
	}
	since := time.Since(h.since)
	if h.away.Load() || !h.silent || since < awayAfter || h.fails.Load() < awayFailures && since < awayAtLatest {
		return
	}
	h.away.Store(true)
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "store does not answer",
		slog.Int64("failures", h.fails.Load()), slog.Duration("since", since), slog.Any("error", cause))
	if f := l.opts.Observer.Away; f != nil {
		f(true)
	}
}

// ask asks the store for askKey until it, or another call, gets an answer.
func (l *Ledger[T]) ask() {
	h := &l.health
	for {
		timeout := askTimeout
		if h.away.Load() {
			timeout = probeTimeout
		}
		ctx, cancel := context.WithTimeout(l.base, timeout)
		began := time.Now()
		_, err := l.store.Get(ctx, askKey)
		cancel()
		if isAnswer(err) {
			l.answered()
		}
		h.mu.Lock()
		if h.fails.Load() == 0 {
			h.asking = false
			h.mu.Unlock()
			return
		}
		if !isAnswer(err) {
			h.silent = true
			l.countFailure(began, err)
		}
		h.mu.Unlock()
		pause := askEvery
		if h.away.Load() {
			pause = l.jitter(probeEvery/2, probeEvery)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.closing:
			timer.Stop()
			return
		}
	}
}

// recovery returns a channel that is closed when the store, away now, answers.
func (l *Ledger[T]) recovery() <-chan struct{} {
	l.health.mu.Lock()
	defer l.health.mu.Unlock()
	return l.health.recovered
}

// Health is what a ledger knows of its store.
type Health struct {
	// Away is true while the store does not answer for any key.
	Away bool
	// NotDurable is the number of keys whose latest write took effect and may
	// be lost again; see [storage.ErrNotDurable]. Nothing that rests on such a
	// write is acknowledged, and the ledger repeats it until it lasts.
	NotDurable int
	// Failing is the number of failing reads and writes, by key: the store
	// refused the latest, or has not answered for a second and three calls.
	// Each ends with the next success or after Options.IdleAfter.
	Failing int
	// Err is the latest error of the store while one of the above holds, and
	// nil otherwise.
	Err error
}

// Health returns the present state. It is cheap and does not ask the store.
//
// A server is not ready while Away or NotDurable: both end without a client,
// because the ledger itself goes on trying. Failing needs an operator and says
// nothing of other keys.
func (l *Ledger[T]) Health() Health {
	h := Health{Away: l.health.away.Load(), NotDurable: int(l.health.volatile.Load()), Failing: int(l.health.failing.Load())}
	if h.Away || h.NotDurable > 0 || h.Failing > 0 {
		l.health.mu.Lock()
		h.Err = l.health.latest
		l.health.mu.Unlock()
	}
	return h
}
