package ledger

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Hints announce the commits of each process to the others over a bus that the
// caller provides. They save requests and time, and correctness does not depend on
// them: a hint is a reason to read the store, never a fact. A bus may lose, repeat,
// reorder, delay and invent hints.
type Hints interface {
	// Publish sends a hint to the other processes. It returns at once, and may
	// drop the hint. It is safe for concurrent use.
	Publish(Hint)
	// Listen receives until ctx ends. It calls hinted for each hint, which may
	// be one of this process; listening(nil) once every hint that is sent from
	// then on is expected to arrive; and listening with the reason when hints
	// may be missed. The calls come one after the other.
	Listen(ctx context.Context, hinted func(Hint), listening func(error))
}

// Hint announces that a key's document is at a revision, or, if that is 0, deleted.
type Hint struct {
	Key      string
	Revision uint64
}

// HintOutcome is the outcome of a hint.
type HintOutcome string

// The outcomes of hints.
const (
	// HintFound: the hint caused a read, which found another document.
	HintFound HintOutcome = "found"
	// HintKnown: the document was known.
	HintKnown HintOutcome = "known"
	// HintUnused: the key is not in memory.
	HintUnused HintOutcome = "unused"
	// HintFalse: the hint caused a read, which found nothing new.
	HintFalse HintOutcome = "false"
	// HintMissed: a change was found that no hint announced within
	// Options.WatchFastest.
	HintMissed HintOutcome = "missed"
)

// hintState is the state of a ledger's bus.
type hintState struct {
	since  atomic.Pointer[time.Time] // when hints began to arrive; nil if they do not
	missed atomic.Bool               // logged since then
}

// entryHints is the state of one key's hints. Guarded by entry.mu.
type entryHints struct {
	announced uint64    // the highest revision that a hint named and the store may have
	look      bool      // a hint asks for a read of the store
	catchUp   time.Time // of the read after missed hints; zero if none is due
	notBefore time.Time // of the next such read: the last hint was false
	// unannounced is true after a change that no hint announced: its writer sends
	// none, or they are lost. The key is then polled as without a bus.
	unannounced bool
	counted     bool // unannounced was reported
}

// listen follows the bus.
func (l *Ledger[T]) listen() {
	ctx, cancel := context.WithCancel(l.base)
	defer cancel()
	stopped := make(chan struct{})
	defer close(stopped)
	go func() {
		select {
		case <-l.closing:
			cancel()
		case <-stopped:
		}
	}()
	var last error
	first := true
	l.opts.Hints.Listen(ctx, l.hinted, func(err error) {
		if ctx.Err() != nil || !first && (err == nil) == (last == nil) {
			return
		}
		first, last = false, err
		l.listening(err)
	})
	l.hints.since.Store(nil)
}

// catchUpPause is the time between the reads of two watched keys after the bus is
// back. Other servers lost it at the same time.
const catchUpPause = time.Millisecond

// listening records that hints arrive, or the reason why they do not. A change whose
// hint was missed is found by one read of each watched key, once hints arrive again.
func (l *Ledger[T]) listening(err error) {
	if f := l.opts.Observer.Listening; f != nil {
		f(err == nil)
	}
	now := time.Now()
	if err != nil {
		l.hints.since.Store(nil)
		l.log.LogAttrs(context.Background(), slog.LevelWarn, "hints of other servers do not arrive; watched documents are read more often",
			slog.Duration("slowest", l.opts.WatchSlowest), slog.Any("error", err))
	} else {
		l.hints.missed.Store(false)
		l.hints.since.Store(&now)
		l.log.LogAttrs(context.Background(), slog.LevelInfo, "hints of other servers arrive; watched documents are read less often",
			slog.Duration("interval", l.opts.WatchHinted))
	}
	// The intervals of all watched keys have changed.
	l.mu.Lock()
	entries := make([]*entry[T], 0, len(l.keys))
	for _, e := range l.keys {
		entries = append(entries, e)
	}
	l.mu.Unlock()
	next := now.Add(catchUpPause)
	for _, e := range entries {
		e.mu.Lock()
		if e.polling {
			e.hints.catchUp = next
			next = next.Add(catchUpPause)
		}
		e.wakePoll()
		e.mu.Unlock()
	}
}

// catchUpAt returns the time of the read that finds a change whose hint was missed,
// and false if none is due. last is the time of the last read: a bus that often
// fails causes no more reads than polling does. The caller holds e.mu.
func (e *entry[T]) catchUpAt(last time.Time) (time.Time, bool) {
	at := e.hints.catchUp
	if earliest := last.Add(e.l.opts.WatchFastest); at.Before(earliest) && !at.IsZero() {
		at = earliest
	}
	return at, !at.IsZero() && e.l.hints.since.Load() != nil && !e.hintsCover()
}

// publish announces the present revision of e's document to other processes.
func (e *entry[T]) publish(revision uint64) {
	if e.l.opts.Hints != nil && !e.l.sole {
		e.l.opts.Hints.Publish(Hint{Key: e.key, Revision: revision})
	}
}

// hinted records a hint. A watched key is read at once by its poller; a key that is
// only in memory is read before its next commit, which would otherwise conflict.
func (l *Ledger[T]) hinted(h Hint) {
	l.mu.Lock()
	e := l.keys[h.Key]
	l.mu.Unlock()
	if e == nil {
		l.observeHint(h.Key, HintUnused)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.doc != nil && e.damage == nil {
		at := e.doc.snap.Revision
		if h.Revision == at || h.Revision != 0 && h.Revision < at {
			if h.Revision == at {
				e.hints.unannounced = false
			}
			l.observeHint(h.Key, HintKnown)
			return
		}
	}
	e.hints.announced = max(e.hints.announced, h.Revision)
	e.hints.look = true
	e.wakePoll()
}

func (l *Ledger[T]) observeHint(key string, outcome HintOutcome) {
	if f := l.opts.Observer.Hint; f != nil {
		f(key, outcome)
	}
}

// hintsReplaced records that a document of a revision became known; foreign is true
// if another process wrote it. The caller holds e.mu.
func (e *entry[T]) hintsReplaced(revision uint64, foreign bool) {
	h := &e.hints
	if foreign {
		h.unannounced = e.hintsCover() && !h.look && revision > h.announced
		h.counted = false
	}
	if revision >= h.announced {
		h.look = false
	}
	h.announced = max(h.announced, revision)
}

// hintedInterval returns the time between two reads of the watched document, and
// true if hints announce its changes. The caller holds e.mu.
func (e *entry[T]) hintedInterval(now time.Time) (time.Duration, bool) {
	h := &e.hints
	if !e.hintsCover() {
		return 0, false
	}
	if h.unannounced {
		if !h.counted && now.Sub(e.changed) >= e.l.opts.WatchFastest {
			h.counted = true
			e.l.observeHint(e.key, HintMissed)
			if !e.l.hints.missed.Swap(true) {
				e.l.log.LogAttrs(context.Background(), slog.LevelWarn, "a change arrived without a hint; such documents are read more often",
					slog.String("key", e.key))
			}
		}
		return 0, false
	}
	return e.l.opts.WatchHinted, true
}

// hintsCover reports whether hints have announced every change since the document
// was last known to be current. Commits before hints began to arrive were not
// announced. The caller holds e.mu.
func (e *entry[T]) hintsCover() bool {
	since := e.l.hints.since.Load()
	return since != nil && e.confirmed.After(*since)
}

// looked records the outcome of f, a read that a hint caused when the document had
// been replaced adopted times. False hints cause no more reads than polling does.
func (e *entry[T]) looked(f *flight[T], adopted uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := &e.hints
	switch {
	case f.err != nil:
		h.look = true // later
	case e.adopted != adopted:
		e.l.observeHint(e.key, HintFound)
		return
	default:
		e.l.observeHint(e.key, HintFalse)
		if e.doc != nil {
			h.announced = e.doc.snap.Revision
		}
	}
	h.notBefore = time.Now().Add(e.l.opts.WatchFastest)
}

// takeHint reports whether a hint announced a change of the document that no
// watcher's poller will read.
func (e *entry[T]) takeHint() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.hints.look || e.polling {
		return e.hints.look
	}
	e.hints.look = false
	return true
}
