package ledger

import (
	"container/list"
	"fmt"
	"time"
)

// copies are the keys in memory. Unused ones are evicted, the least recently used
// first. Guarded by Ledger.mu.
type copies struct {
	unused  list.List // of *entry, the least recently used first
	bytes   int64     // of all documents
	watched int64     // of watched documents, which cannot be evicted
}

// held is the part of an entry that copies maintain. Guarded by Ledger.mu.
type held struct {
	refs    int
	used    time.Time     // when refs fell to 0
	unused  *list.Element // nil while refs > 0
	bytes   int64
	known   bool // bytes is the document's size
	watched bool
}

// use keeps e in memory until unuse. The caller holds Ledger.mu.
func (l *Ledger[T]) use(e *entry[T]) {
	e.held.refs++
	if e.held.unused != nil {
		l.copies.unused.Remove(e.held.unused)
		e.held.unused = nil
	}
}

// release lets e be evicted again after acquire.
func (l *Ledger[T]) release(e *entry[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.held.refs--
	if e.held.refs == 0 {
		e.held.used = time.Now()
		e.held.unused = l.copies.unused.PushBack(e)
		l.fit()
	}
}

// fit evicts unused keys until the documents fit into Options.MaxBytes. The caller
// holds Ledger.mu.
func (l *Ledger[T]) fit() {
	if l.opts.MaxBytes <= 0 {
		return
	}
	for l.copies.bytes > l.opts.MaxBytes {
		if !l.evictOne() {
			return
		}
	}
}

// evictOne evicts the least recently used key. It returns false if all keys are in
// use. The caller holds Ledger.mu.
func (l *Ledger[T]) evictOne() bool {
	e := l.leastUsed()
	if e != nil {
		l.evict(e)
	}
	return e != nil
}

func (l *Ledger[T]) leastUsed() *entry[T] {
	front := l.copies.unused.Front()
	if front == nil {
		return nil
	}
	e, _ := front.Value.(*entry[T])
	return e
}

func (l *Ledger[T]) evict(e *entry[T]) {
	l.copies.unused.Remove(e.held.unused)
	l.copies.bytes -= e.held.bytes
	delete(l.keys, e.key)
	e.forgotten()
	l.releaseClaim(e)
}

// evictIdle evicts the keys that were not used since limit.
func (l *Ledger[T]) evictIdle(limit time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.leastUsed(); e != nil && e.held.used.Before(limit); e = l.leastUsed() {
		l.evict(e)
	}
}

// sized records the size of e's document, and makes room for it.
func (l *Ledger[T]) sized(e *entry[T], bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.held.known = true
	grown := int64(bytes) - e.held.bytes
	e.held.bytes += grown
	l.copies.bytes += grown
	if e.held.watched {
		l.copies.watched += grown
	}
	l.fit()
}

// pin keeps e's document in memory because it is watched. It fails if the watched
// documents would exceed Options.MaxBytes, since there would be no room for
// others.
func (l *Ledger[T]) pin(e *entry[T]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.held.watched {
		return nil
	}
	if l.opts.MaxBytes > 0 && l.copies.watched > 0 && l.copies.watched+e.held.bytes > l.opts.MaxBytes {
		return fmt.Errorf("%w: watched documents have %d bytes", ErrOverloaded, l.copies.watched)
	}
	e.held.watched = true
	l.copies.watched += e.held.bytes
	return nil
}

func (l *Ledger[T]) unpin(e *entry[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.held.watched {
		e.held.watched = false
		l.copies.watched -= e.held.bytes
	}
}

// Size returns the stored size of a document; ok is false if the document is not in
// memory. It does not call the store.
func (l *Ledger[T]) Size(key string) (bytes int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.keys[key]
	if e == nil {
		return 0, false
	}
	return e.held.bytes, e.held.known
}
