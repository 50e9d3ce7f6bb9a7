// Package bounded makes calls to a store in files return when their context ends,
// and limits how many are under way. A call to a frozen or remote file system may
// hang, and holds a thread while it does: the Go runtime ends a process that has
// 10,000 threads.
package bounded

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// Limit is the number of reads, and of writes, that may be under way at once in a
// store. They are counted apart because a full or frozen disk may still be read.
const Limit = 128

// store bounds the calls to another store.
type store struct {
	storage.Store
	reads, writes chan struct{}
}

// New returns a store that bounds the calls to other. An abandoned call continues
// until other answers.
// THE CALLER MUST NEVER CHANGE A BODY after Create or Replace: an abandoned call may
// still write it. The ledger makes a new body for each write.
func New(other storage.Store) storage.Store { //nolint:ireturn // it is what New was given
	return &store{other, make(chan struct{}, Limit), make(chan struct{}, Limit)}
}

// Opener returns an opener of bounded stores. It stops waiting when the context
// ends, or after limit; a store that opens later is closed.
func Opener(open storageurl.Opener, limit time.Duration) storageurl.Opener {
	return func(ctx context.Context, u *url.URL) (storage.Store, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: it did not open within %v", storage.ErrUnavailable, limit))
		defer cancel()
		opened := start(func() (storage.Store, error) { return open(ctx, u) })
		select {
		case r := <-opened:
			if r.err != nil {
				return nil, r.err
			}
			return New(r.value), nil
		case <-ctx.Done():
			go func() {
				if r := <-opened; r.err == nil {
					_ = closeStore(r.value)
				}
			}()
			return nil, &storage.Error{Op: "open", Err: context.Cause(ctx)}
		}
	}
}

type result[T any] struct {
	value T
	err   error
}

// start calls f in a goroutine of its own.
func start[T any](f func() (T, error)) <-chan result[T] {
	done := make(chan result[T], 1)
	go func() {
		value, err := f()
		done <- result[T]{value, err}
	}()
	return done
}

// call calls f once fewer than Limit calls are under way, until ctx ends.
func call[T any](ctx context.Context, slots chan struct{}, op, key string, f func() (T, error)) (T, error) {
	var none T
	ended := func() error { return &storage.Error{Op: op, Key: key, Err: ctx.Err()} }
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return none, ended()
	}
	done := start(func() (T, error) {
		defer func() { <-slots }()
		return f()
	})
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ended()
	}
}

// Get implements [storage.Store].
func (s *store) Get(ctx context.Context, key string) (storage.Document, error) {
	return call(ctx, s.reads, "get", key, func() (storage.Document, error) { return s.Store.Get(ctx, key) })
}

// GetIfChanged implements [storage.ConditionalGetter].
func (s *store) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	type answer struct {
		doc     storage.Document
		changed bool
	}
	a, err := call(ctx, s.reads, "get", key, func() (answer, error) {
		doc, changed, err := storage.GetIfChanged(ctx, s.Store, key, known)
		return answer{doc, changed}, err
	})
	return a.doc, a.changed, err
}

// Create implements [storage.Store].
func (s *store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return call(ctx, s.writes, "create", key, func() (storage.Version, error) { return s.Store.Create(ctx, key, body) })
}

// Replace implements [storage.Store].
func (s *store) Replace(ctx context.Context, key string, body []byte, at storage.Version) (storage.Version, error) {
	return call(ctx, s.writes, "replace", key, func() (storage.Version, error) { return s.Store.Replace(ctx, key, body, at) })
}

// Delete implements [storage.Store].
func (s *store) Delete(ctx context.Context, key string, at storage.Version) error {
	_, err := call(ctx, s.writes, "delete", key, func() (struct{}, error) { return struct{}{}, s.Store.Delete(ctx, key, at) })
	return err
}

// Keys implements [storage.Lister].
func (s *store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, func() ([]string, error) {
		return call(ctx, s.reads, "keys", "", func() (keys []string, err error) {
			for key, err := range storage.Keys(ctx, s.Store) {
				if err != nil {
					return nil, err
				}
				keys = append(keys, key)
			}
			return keys, nil
		})
	})
}

// Check implements [storage.Checker]. It counts as a write: a store in a directory
// creates a file.
func (s *store) Check(ctx context.Context) error {
	_, err := call(ctx, s.writes, "check", "", func() (struct{}, error) { return struct{}{}, storage.Check(ctx, s.Store) })
	return err
}

// SoleOwner implements [storage.SoleOwner].
func (s *store) SoleOwner() bool {
	owner, ok := s.Store.(storage.SoleOwner)
	return ok && owner.SoleOwner()
}

// Close implements [io.Closer]. It waits for calls under way.
func (s *store) Close() error { return closeStore(s.Store) }

func closeStore(s storage.Store) error {
	if closer, ok := s.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
