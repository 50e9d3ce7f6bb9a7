package ledger

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// claim is shared by all entries of one key of a store that only this process can
// write to. While there is one entry, its copy is authoritative.
type claim struct {
	entries int // guarded by claims.mu
	shared  atomic.Bool
}

type claimed struct {
	store storage.Store
	key   string
}

// claims are the claims of all ledgers of this process.
var claims = struct {
	mu    sync.Mutex
	byKey map[claimed]*claim
}{byKey: make(map[claimed]*claim)}

// claimKey sets e's claim. The caller holds Ledger.mu.
func (l *Ledger[T]) claimKey(e *entry[T]) {
	if !l.sole {
		return
	}
	claims.mu.Lock()
	defer claims.mu.Unlock()
	k := claimed{l.store, e.key}
	if claims.byKey[k] == nil {
		claims.byKey[k] = new(claim)
	}
	e.claim = claims.byKey[k]
	e.claim.entries++
	if e.claim.entries > 1 {
		e.shareKey("two ledgers of this process use it")
	}
}

// releaseClaim is called when e is evicted. The caller holds Ledger.mu.
func (l *Ledger[T]) releaseClaim(e *entry[T]) {
	if e.claim == nil {
		return
	}
	claims.mu.Lock()
	defer claims.mu.Unlock()
	if e.claim.entries--; e.claim.entries == 0 {
		delete(claims.byKey, claimed{l.store, e.key})
	}
}

// sole reports whether no other ledger is known to write to the key.
func (e *entry[T]) sole() bool { return e.claim != nil && !e.claim.shared.Load() }

// shareKey records that another writer uses the key although the store has one
// owner: the copy in memory may be out of date. It logs this once.
func (e *entry[T]) shareKey(found string) {
	if e.claim != nil && !e.claim.shared.Swap(true) {
		e.l.log.LogAttrs(context.Background(), slog.LevelError, "a key of a store with one owner has another writer; it is read each time from now on",
			slog.String("key", e.key), slog.String("found", found))
	}
}
