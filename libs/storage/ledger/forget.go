package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Forget deletes the document under key from the store, with the operations
// that it remembers. allowed, if not nil, is
// asked before each attempt, and its error is returned. Forgetting a key that
// has no document succeeds.
//
// Operations that are under way at the same time take effect before or after:
// those after begin a new document. Revisions begin at 1 again on ledgers that
// do not have the key in memory; tags do not come back (see [Snapshot.Tag]).
//
// [storage.ErrUnavailable] means that the document may or may not be there.
// Forgetting can be repeated.
func (l *Ledger[T]) Forget(ctx context.Context, key string, allowed func(Snapshot[T]) error) error {
	if err := ctx.Err(); err != nil {
		return fail("forget", key, err)
	}
	e, err := l.acquire(key)
	if err != nil {
		return fail("forget", key, err)
	}
	defer l.release(e)
	for tries := 0; ; tries++ {
		err := e.forget(ctx, allowed)
		if !errors.Is(err, storage.ErrConflict) {
			return err
		}
		timer := time.NewTimer(l.jitter(0, min(retryFirst<<min(tries, 10), retryLast)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fail("forget", key, fmt.Errorf("%w: other writers were faster: %w", storage.ErrUnavailable, ctx.Err()))
		}
	}
}

// forget makes one attempt; [storage.ErrConflict] if another writer was faster.
func (e *entry[T]) forget(ctx context.Context, allowed func(Snapshot[T]) error) error {
	l := e.l
	doc, err := e.fetch(ctx, l.opts.CallTimeout)
	if err != nil {
		return fail("forget", e.key, err)
	}
	if allowed != nil {
		if err := allowed(doc.snap); err != nil {
			return err
		}
	}
	if !doc.snap.Exists {
		if e.isVolatile() == 0 {
			return nil
		}
		if doc, err = e.createEmpty(ctx); err != nil {
			return err
		}
	}
	e.mu.Lock()
	seq := e.adopted
	e.deleting++
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.deleting--
		e.mu.Unlock()
	}()
	began := time.Now()
	volatile := e.isVolatile()
	callCtx, done := l.storeCall(ctx, "delete", e.key, l.opts.CallTimeout)
	err = l.store.Delete(callCtx, e.key, doc.version)
	done(err)
	e.heard(&e.writes, began, err)
	switch {
	case err == nil:
		e.durable(volatile)
		e.adopt(&document[T]{}, began, seq)
		e.publish(0)
	case !isAnswer(err):
		e.mu.Lock()
		e.trusted = false
		e.mu.Unlock()
	}
	return err
}

// createEmpty stores a document without content under a key that has none, so
// that it can be deleted again: a deletion that may not last is repeated so.
func (e *entry[T]) createEmpty(ctx context.Context) (*document[T], error) {
	l := e.l
	e.mu.Lock()
	doc := &document[T]{snap: Snapshot[T]{Revision: e.highest + 1, Nonce: nonceText(newNonce()), Exists: true}}
	e.mu.Unlock()
	body, err := e.encode(doc, 0)
	if err != nil {
		return nil, fail("forget", e.key, err)
	}
	callCtx, done := l.storeCall(ctx, "create", e.key, l.opts.CallTimeout)
	began := time.Now()
	doc.version, err = l.store.Create(callCtx, e.key, body)
	done(err)
	e.heard(&e.writes, began, err)
	if errors.Is(err, storage.ErrNotDurable) {
		// Delete it all the same, unless another writer was faster.
		found, err := e.fetch(ctx, l.opts.CallTimeout)
		if err == nil && found.snap.Nonce != doc.snap.Nonce {
			err = fail("forget", e.key, storage.ErrConflict)
		}
		return found, err
	}
	return doc, err
}
