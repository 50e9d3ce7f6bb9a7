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
	// askKey is the key of no document. A store that answers for it is not away,
	// whatever it does with the keys in use.
	askKey     = ".ledger-asks-whether-the-store-answers"
	askTimeout = time.Second
	askEvery   = awayAfter / 4
	// While the store is away, it is read every probeEvery.
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
	// The pauses of a commit that waits for the store's return.
	retryFirst = 25 * time.Millisecond
	retryLast  = time.Second
)

// health distinguishes a store that does not answer from one that fails now and then
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
	silent    bool          // it did not answer for askKey
	recovered chan struct{} // closed at an answer, when the store was away
}

// failed keeps the store's latest error.
func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latest = err
}

// answered records an answer of the store, of any kind.
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

// unanswered records that a call that began at the given time got no answer. The
// reason may be its key, so the store is asked for askKey.
func (l *Ledger[T]) unanswered(began time.Time, cause error) {
	h := &l.health
	h.mu.Lock()
	defer h.mu.Unlock()
	l.countFailure(began, cause)
	if !h.asking {
		h.asking = l.start(nil, l.ask)
	}
}

// countFailure counts a call without an answer, and decides whether the store is
// away. The caller holds health.mu.
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

// Health is the state of a ledger's store.
type Health struct {
	// Away is true while the store does not answer for any key.
	Away bool
	// NotDurable is the number of keys whose latest write took effect and may be
	// lost again; see [storage.ErrNotDurable]. Nothing that depends on such a
	// write is acknowledged, and the ledger repeats the write until it is durable.
	NotDurable int
	// Failing is the number of failing reads and writes, counted per key: the
	// store refused the latest one, or has not answered for a second and three
	// calls. The state ends with the next success or after Options.IdleAfter.
	Failing int
	// Err is the latest error of the store while one of the above holds, and
	// nil otherwise.
	Err error
}

// Health returns the present state. It is cheap and does not call the store.
//
// A server should report that it is not ready while Away is true or NotDurable is
// not 0: both states end without a client, because the ledger keeps trying. Failing
// needs an operator and says nothing about other keys.
func (l *Ledger[T]) Health() Health {
	h := Health{Away: l.health.away.Load(), NotDurable: int(l.health.volatile.Load()), Failing: int(l.health.failing.Load())}
	if h.Away || h.NotDurable > 0 || h.Failing > 0 {
		l.health.mu.Lock()
		h.Err = l.health.latest
		l.health.mu.Unlock()
	}
	return h
}
