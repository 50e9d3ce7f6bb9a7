package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Forget deletes the document under key from the store, with the operations that it
// remembers. allowed, if not nil, is called before each attempt; Forget returns its
// error. Forgetting a key that has no document succeeds.
//
// Operations that are under way at the same time take effect before or after:
// those after begin a new document. Revisions begin at 1 again on ledgers that
// do not have the key in memory; tags do not come back (see [Snapshot.Tag]).
//
// Forget returns when ctx ends, even if a call of the store continues.
// [storage.ErrUnavailable] and [ErrOutcomeUnknown] mean that the document may or
// may not be there. Forgetting can be repeated.
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

// await calls call, which calls the store, in a goroutine of the ledger. It returns
// the result, or an error if ctx or the ledger ends first.
func (e *entry[T]) await(ctx context.Context, call func() (*document[T], error)) (doc *document[T], err error) {
	type answer struct {
		doc *document[T]
		err error
	}
	answered := make(chan answer, 1)
	started := e.l.start(e, func() {
		a := answer{err: errGoexit}
		defer func() { answered <- a }()
		a.doc, a.err = call()
	})
	if !started {
		return nil, fail("forget", e.key, ErrClosed)
	}
	select {
	case a := <-answered:
		doc, err = a.doc, a.err
		if !isAnswer(err) && !errors.Is(err, ErrDamaged) {
			err = unavailable(err)
		}
	case <-ctx.Done():
		e.mu.Lock()
		err = e.because(fmt.Errorf("%w: no answer yet: %w", storage.ErrUnavailable, ctx.Err()))
		e.mu.Unlock()
	case <-e.l.base.Done():
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, ErrClosed)
	}
	if err != nil {
		return nil, fail("forget", e.key, err)
	}
	return doc, nil
}

// forget makes one attempt; [storage.ErrConflict] if another writer was faster.
func (e *entry[T]) forget(ctx context.Context, allowed func(Snapshot[T]) error) error {
	doc, err := e.await(ctx, func() (*document[T], error) { return e.fetch(ctx, e.l.opts.CallTimeout) })
	if err != nil {
		return err
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
		if doc, err = e.await(ctx, func() (*document[T], error) { return e.createEmpty(ctx) }); err != nil {
			return err
		}
	}
	_, err = e.await(ctx, func() (*document[T], error) { return nil, e.deleteAt(ctx, doc.version) })
	return err
}

// deleteAt deletes the document at version from the store.
func (e *entry[T]) deleteAt(ctx context.Context, version storage.Version) error {
	l := e.l
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
	callCtx, done := l.storeCall(caused{l.base, ctx}, "delete", e.key, l.opts.CallTimeout)
	err := l.store.Delete(callCtx, e.key, version)
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
	callCtx, done := l.storeCall(caused{l.base, ctx}, "create", e.key, l.opts.CallTimeout)
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
