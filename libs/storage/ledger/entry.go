package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// entry is the state of one key in a ledger.
type entry[T any] struct {
	l   *Ledger[T]
	key string

	held  held   // guarded by Ledger.mu
	claim *claim // nil unless the store has one owner

	mu        sync.Mutex
	doc       *document[T] // last known; nil before the first read
	confirmed time.Time    // when doc was last known to be current
	changed   time.Time    // when this ledger first saw doc
	adopted   uint64       // how often doc was replaced
	highest   uint64       // the highest revision ever seen
	trusted   bool         // sole owner: the store holds doc
	deleting  int          // calls of Forget that may have deleted doc from the store
	reads     trouble
	writes    trouble
	damage    *damage // not nil if the stored document is damaged
	volatile  uint64  // not 0 if the stored document may be lost again; see notDurable

	queue      []*call[T]
	goneQueued int // calls in queue whose callers have given up
	pending    int // calls accepted and not answered
	committing bool
	sent       string // nonce of the last write that was tried
	fair       fairness
	hints      entryHints

	flight, next *flight[T]

	watchers map[*watcher[T]]struct{}
	polling  bool
	kick     chan struct{}
}

type damage struct {
	version storage.Version
	err     error
}

// current returns the last known document and whether it is certain that the
// store holds it.
func (e *entry[T]) current() (doc *document[T], certain bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.damage != nil {
		return nil, false
	}
	return e.doc, e.trusted && e.sole() && e.doc != nil
}

// fetch reads the document from the store within timeout. The document was current
// at some moment during the call. The errors are ErrDamaged and the store's.
func (e *entry[T]) fetch(cause context.Context, timeout time.Duration) (*document[T], error) {
	l := e.l
	e.mu.Lock()
	known, seq, dmg := e.doc, e.adopted, e.damage
	e.mu.Unlock()
	var version storage.Version
	switch {
	case dmg != nil:
		version = dmg.version
	case known != nil:
		version = known.version
	}
	began := time.Now()
	ctx, done := l.storeCall(caused{l.base, cause}, "get", e.key, timeout)
	stored, changed, err := storage.GetIfChanged(ctx, l.store, e.key, version)
	done(err)
	e.heard(&e.reads, began, err)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return e.adopt(&document[T]{}, began, seq), nil
	case err != nil:
		return nil, err
	}
	if !changed && version == "" {
		// The driver violates its contract.
		return nil, fmt.Errorf("%w: it says that a document is as it was, which was never read", storage.ErrUnavailable)
	}
	if !changed {
		if dmg != nil {
			return nil, dmg.err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.doc == known && e.confirmed.Before(began) {
			e.confirmed = began
			e.trusted = true
			e.notifyWell()
		}
		return e.doc, nil
	}
	doc, err := e.decode(stored.Body, stored.Version)
	if err != nil {
		return nil, e.damaged(stored.Version, err, seq)
	}
	return e.adopt(doc, began, seq), nil
}

// adopt makes doc the known document unless a newer one became known meanwhile; seq
// is the value of e.adopted when the call that read doc began. It returns the known
// document.
func (e *entry[T]) adopt(doc *document[T], began time.Time, seq uint64) *document[T] {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.adopted != seq && e.doc != nil && doc.snap.Revision <= e.doc.snap.Revision {
		return e.doc
	}
	same := e.doc != nil && e.doc.version == doc.version
	if same && e.damage == nil {
		e.confirmed, e.trusted = began, true
		e.notifyWell()
		return e.doc
	}
	if doc.snap.Exists && doc.snap.Revision < e.highest {
		e.l.log.LogAttrs(context.Background(), slog.LevelWarn, "document went back to an older revision",
			slog.String("key", e.key), slog.Uint64("revision", doc.snap.Revision), slog.Uint64("seen", e.highest))
	}
	foreign := e.doc != nil && doc.snap.Nonce != e.sent
	if foreign {
		e.fair.foreign(time.Now(), time.Duration(e.l.rtt.Load()))
	}
	e.hintsReplaced(doc.snap.Revision, foreign)
	e.replaceOvertaken(doc, began, e.adopted != seq)
	return doc
}

// replaceOvertaken is replace. If the known document changed during the call to the
// store and is deleted now, doc may be the deleted document: the store is read
// next. The caller holds e.mu.
func (e *entry[T]) replaceOvertaken(doc *document[T], at time.Time, changed bool) {
	deleted := changed && e.doc != nil && !e.doc.snap.Exists
	e.replace(doc, at)
	if deleted {
		e.trusted = false
	}
}

// replace makes doc the known document. The caller holds e.mu.
func (e *entry[T]) replace(doc *document[T], at time.Time) {
	e.doc, e.confirmed, e.trusted, e.damage = doc, at, true, nil
	e.changed = time.Now()
	e.adopted++
	e.highest = max(e.highest, doc.snap.Revision)
	e.l.sized(e, doc.size)
	e.notify()
}

// damaged records that the stored version is damaged, and reports it once.
func (e *entry[T]) damaged(version storage.Version, cause error, seq uint64) error {
	err := fmt.Errorf("%w: %w", ErrDamaged, cause)
	e.mu.Lock()
	if e.adopted != seq {
		// A newer document was seen meanwhile; the next read decides.
		e.mu.Unlock()
		return err
	}
	first := e.damage == nil || e.damage.version != version
	e.damage = &damage{version: version, err: err}
	e.trusted = false
	e.mu.Unlock()
	if first {
		e.l.log.LogAttrs(context.Background(), slog.LevelError, "stored document is damaged; the key stops until it is repaired",
			slog.String("key", e.key), slog.String("version", string(version)), slog.Any("error", err))
		if f := e.l.opts.Observer.Damaged; f != nil {
			f(e.key, err)
		}
	}
	return err
}
