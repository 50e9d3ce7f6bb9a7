package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Op is one operation on a document of type T.
type Op[T any] struct {
	// ID identifies the operation, so that a repetition is answered and not
	// applied again. If "", the operation takes effect at most once within this
	// call, but cannot be repeated by another one.
	ID string
	// Payload is the content that the ID stands for, such as the bytes of a request. The
	// same ID with another payload is refused with [ErrIDReused]. Only a digest is
	// kept.
	Payload []byte
	// Apply is a pure function: it must not modify its argument, and is called
	// again, with a newer state, if another writer was faster. A goroutine of the
	// ledger calls it, possibly after Update has returned because its context
	// ended. An error or a panic refuses this operation alone; other operations of
	// the commit are not affected.
	Apply func(State[T]) (Change[T], error)
}

// State is the argument of an operation.
type State[T any] struct {
	Doc T
	// Revision is the revision of Doc: 0 for a document that was never
	// written here. The operations of one commit see one another's effects in
	// order: once one of them has changed something, those after it see the
	// revision that the commit is about to make. So two operations of one
	// commit never pass the same check against a revision that the first of
	// them ended.
	Revision uint64
	// Nonce differs between two documents of one revision.
	Nonce string
	// Exists is false if nothing was ever written under the key.
	Exists bool
	// Next is the revision that the operation lands in if it lands, and Time
	// the time of that commit by the clock of this process, in UTC and whole
	// milliseconds. They are for documents that record their history: with
	// time.Now an Apply would not be pure.
	Next uint64
	Time time.Time
}

// Change is the effect of an operation; see [Set] and [Keep].
type Change[T any] struct {
	// Doc is the new document. Later operations of the same commit get this value,
	// other operations get it as stored by its [Codec]. If Doc is the zero value of
	// T and the old document was not, the operation fails, because an empty Change
	// would erase the document by mistake: use [Set] to store the zero value.
	Doc T
	// Result is the answer to the caller. It is stored with the operation's ID, so
	// that a repetition gets the same result while it is remembered. Keep it small:
	// every write of the document contains it until it is forgotten.
	Result []byte
	// Unchanged means that the document stays as it is; Doc is ignored. For an
	// operation without an ID nothing is written, and the result is returned at the
	// current revision. An operation with an ID is remembered like any other, which
	// takes a commit.
	Unchanged bool

	set bool // Doc is the new document even if it is zero
}

// Set returns the change that stores doc, which may be the zero value of T.
func Set[T any](doc T) Change[T] { return Change[T]{Doc: doc, set: true} }

// Keep returns the change that keeps the document as it is.
func Keep[T any]() Change[T] { return Change[T]{Unchanged: true} }

// Receipt acknowledges an operation that landed, or that had nothing to change.
type Receipt[T any] struct {
	// Revision is the revision in which the operation landed, and Index its
	// position, from 0, among the operations of that commit. Together they give
	// the order of all operations on a key. An Unchanged operation without an ID
	// has those of the previous operation; Index is -1 if that operation is unknown or
	// belongs to an earlier revision.
	Revision uint64
	Index    int
	// Tag is the tag of the snapshot at Revision; see [Snapshot.Tag].
	Tag    string
	Result []byte
	// Unchanged is [Change.Unchanged] of the operation.
	Unchanged bool
	// Replayed is true if an operation with the same ID had landed before.
	Replayed bool
	// ResultForgotten is true for a replayed operation whose result is no longer
	// kept, because it was too large or too old.
	ResultForgotten bool
	// Snapshot is the document right after the commit, or, for a replayed
	// operation, the present document.
	Snapshot Snapshot[T]
}

// Snapshot is a document at one revision. It is shared: do not modify Doc. While a
// ledger keeps the key in memory, all Snapshots of one revision have the identical
// Doc, so a pointer in it can hold values that a caller computes once per
// revision.
type Snapshot[T any] struct {
	Doc      T
	Revision uint64
	Nonce    string
	Exists   bool
	// Age is zero for a linearizable answer. Otherwise the store is away, and Age
	// is the time since the snapshot was last known to be current.
	Age time.Duration
	// Err is set only in snapshots of [Ledger.Watch]. The snapshot is then the last
	// known document, and Err is the reason why a newer one may exist but cannot be
	// read: [ErrDamaged] or the store's error. The next snapshot without Err means
	// that the document can be read again.
	Err error
}

// Tag identifies the document at its revision: the revision, a hyphen, and the
// beginning of its nonce. Unlike a revision, a tag never comes back, even if an
// older document is restored by hand or the key begins anew.
func (s Snapshot[T]) Tag() string { return tag(s.Revision, s.Nonce) }

// Tag returns the tag of the snapshot; see [Snapshot.Tag].
func (s State[T]) Tag() string { return tag(s.Revision, s.Nonce) }

const tagNonce = 10 // characters

func tag(revision uint64, nonce string) string {
	text := strconv.FormatUint(revision, 10)
	if nonce == "" {
		return text // never written
	}
	return text + "-" + nonce[:tagNonce]
}

// Errors of the ledger itself. They are wrapped in a [*storage.Error] that names the
// key.
var (
	// ErrIDReused: the operation's ID was used before for another payload.
	ErrIDReused = errors.New("operation id was used for another payload")
	// ErrOverloaded: too many operations wait, or too many keys are in use.
	// Nothing was applied; try again later.
	ErrOverloaded = errors.New("too many operations are waiting")
	// ErrDamaged: the stored document is not a valid envelope, is not valid for its
	// codec, or has a newer format than this library knows. It is never
	// overwritten.
	ErrDamaged = errors.New("stored document is damaged or of a newer format")
	// ErrNoDocument: an operation returned a [Change] without a document, which
	// would have erased the present one.
	ErrNoDocument = errors.New("the change has no document: use ledger.Set to store a zero value, ledger.Keep to change nothing")
	// ErrResultForgotten: [Call] repeated an operation that landed before, and whose
	// result is no longer kept.
	ErrResultForgotten = errors.New("the operation landed before, its result is forgotten")
	// ErrOutcomeUnknown: the context ended, or the ledger was closed, after a write
	// with the operation was sent and before its outcome was known. Repeating the
	// operation under the same ID determines the outcome. Without this error, a
	// failed operation was not and will not be applied.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrClosed: the ledger was closed. Nothing was applied, unless the error is also
	// ErrOutcomeUnknown.
	ErrClosed = errors.New("ledger is closed")
)

// Ledger keeps documents of type T in a store and applies operations to them.
// It is safe for concurrent use. Any number of ledgers, in any number of
// processes, may work on one store.
type Ledger[T any] struct {
	store storage.Store
	sole  bool
	opts  Options[T]
	log   *slog.Logger

	base    context.Context // ends when draining is given up
	abandon context.CancelFunc
	closing chan struct{} // closed when Close begins
	drained chan struct{} // closed when every goroutine is gone

	health    health
	hints     hintState
	clockOnce sync.Once    // a clock that is ahead is logged
	rtt       atomic.Int64 // smoothed duration of a successful write, ns
	waiting   atomic.Int64
	watches   atomic.Int64

	rndMu sync.Mutex
	rnd   *rand.Rand

	mu     sync.Mutex // lock order: entry.mu before Ledger.mu
	keys   map[string]*entry[T]
	copies copies
	closed bool
	wg     sync.WaitGroup
}

// New returns a ledger on store. The zero Options are ready for use; New panics on
// contradictory options. The caller must call [Ledger.Close], and then close the
// store.
func New[T any](store storage.Store, opts Options[T]) *Ledger[T] {
	opts = opts.withDefaults()
	l := &Ledger[T]{
		store:   store,
		opts:    opts,
		log:     opts.Logger,
		closing: make(chan struct{}),
		drained: make(chan struct{}),
		rnd:     rand.New(rand.NewPCG(opts.Seed, 0x6c6564676572)), //nolint:gosec // lengths of pauses
		keys:    make(map[string]*entry[T]),
	}
	if s, ok := store.(storage.SoleOwner); ok {
		// A store that cannot be compared could have two ledgers on one key
		// without a trace.
		l.sole = s.SoleOwner() && reflect.ValueOf(store).Comparable()
	}
	l.base, l.abandon = context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	l.health.recovered = make(chan struct{})
	l.start(nil, l.sweep)
	if opts.Hints != nil && !l.sole {
		l.start(nil, l.listen)
	}
	return l
}

// Update applies op to the document under key and returns when its effect is
// durable in the store. Operations that wait at the same time land in one
// write, in the order in which they arrived.
//
// Update returns an error of op.Apply as it is. [ErrIDReused], [ErrOverloaded],
// [ErrDamaged], [ErrClosed] and [storage.ErrInvalidKey] mean that nothing was
// applied. While the store is away, Update waits until ctx ends; the error then
// wraps [storage.ErrUnavailable] and the context's error, and also
// [ErrOutcomeUnknown] if a write with op was sent. Give ctx a deadline.
func (l *Ledger[T]) Update(ctx context.Context, key string, op Op[T]) (Receipt[T], error) {
	receipts, errs := l.UpdateAll(ctx, key, []Op[T]{op})
	return receipts[0], errs[0]
}

// UpdateAll is [Ledger.Update] for a sequence of operations: they are queued
// together, in their order and without others between them, so that they land in
// as few writes as possible. Each has its own receipt or error, at its index; a
// refused operation does not stop the later ones. If there are more operations than
// may wait, all are refused with [ErrOverloaded].
func (l *Ledger[T]) UpdateAll(ctx context.Context, key string, ops []Op[T]) ([]Receipt[T], []error) {
	receipts, errs := make([]Receipt[T], len(ops)), make([]error, len(ops))
	refuse := func(err error) ([]Receipt[T], []error) {
		err = fail("update", key, err)
		for i := range errs {
			errs[i] = err
		}
		return receipts, errs
	}
	if len(ops) == 0 {
		return receipts, errs
	}
	calls := make([]*call[T], len(ops))
	for i, op := range ops {
		if op.Apply == nil {
			return refuse(errors.New("an operation has no Apply"))
		}
		calls[i] = newCall(ctx, op)
	}
	if err := ctx.Err(); err != nil {
		return refuse(err)
	}
	e, err := l.acquire(key)
	if err != nil {
		return refuse(err)
	}
	defer l.release(e)
	if err := e.enqueue(calls...); err != nil {
		return refuse(err)
	}
	for i, c := range calls {
		select {
		case <-c.done:
		case <-ctx.Done():
			e.leave(c, ctx.Err())
		case <-l.base.Done():
			e.leave(c, ErrClosed)
		}
		receipts[i], errs[i] = c.receipt, c.err
		if c.err != nil && !c.own {
			errs[i] = fail("update", key, c.err)
		}
	}
	return receipts, errs
}

// Read returns the document under key. If the key was never written, the Snapshot's
// Exists is false and the error is nil. The answer is linearizable: it reflects
// every operation that any ledger acknowledged before Read was called. Concurrent
// readers share one conditional read of the store.
//
// If the store does not answer, Read returns [storage.ErrUnavailable], or the last
// known document with its Age if that is at most Options.StaleFor. For a damaged
// document it returns [ErrDamaged], never an old copy.
func (l *Ledger[T]) Read(ctx context.Context, key string) (Snapshot[T], error) {
	if err := ctx.Err(); err != nil {
		return Snapshot[T]{}, fail("read", key, err)
	}
	e, err := l.acquire(key)
	if err != nil {
		return Snapshot[T]{}, fail("read", key, err)
	}
	defer l.release(e)
	s, err := e.read(ctx)
	if err != nil {
		return Snapshot[T]{}, fail("read", key, err)
	}
	return s, nil
}

// Watch returns a channel of the document's snapshots: first the one that
// [Ledger.Read] would return, then one for each change. Commits of this ledger are
// sent at once. Commits of others are found by conditional reads, every second
// while the document changes and down to every ten seconds while it does not (see
// Options.WatchFastest), or at once if a hint announces them (see Options.Hints).
// The channel holds only the newest snapshot: a slow receiver misses revisions, but
// never sees an older one after a newer one. If the document is damaged, or the
// store does not answer for it, Watch sends one snapshot with Err, and one without
// when the state ends.
//
// The channel is closed when ctx ends or the ledger is closed. If the error is not
// nil, the channel is nil.
func (l *Ledger[T]) Watch(ctx context.Context, key string) (<-chan Snapshot[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("watch", key, err)
	}
	e, err := l.acquire(key)
	if err != nil {
		return nil, fail("watch", key, err)
	}
	ch, err := e.watch(ctx)
	if err != nil {
		l.release(e)
		return nil, fail("watch", key, err)
	}
	return ch, nil
}

// Close closes the ledger. New calls fail with [ErrClosed], and the channels of
// watchers are closed at once. Close waits for accepted operations. If ctx ends
// first, the remaining operations fail with [ErrClosed], and also with
// [ErrOutcomeUnknown] if they may have been applied; Close then returns the
// context's error. No goroutine of the ledger is left when Close returns, unless a
// call of the store outlives its context by more than half a second: then Close
// returns an error that says so. Close may be called more than once.
func (l *Ledger[T]) Close(ctx context.Context) error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	var entries []*entry[T]
	if first {
		close(l.closing)
		for _, e := range l.keys {
			entries = append(entries, e)
		}
		go func() { l.wg.Wait(); close(l.drained) }()
	}
	l.mu.Unlock()
	for _, e := range entries {
		e.unwatchAll()
	}
	var err error
	select {
	case <-l.drained:
	case <-ctx.Done():
		err = fail("close", "", ctx.Err())
		l.abandon()
		// Calls of a store that keeps its contract end now.
		timer := time.NewTimer(closeGrace)
		defer timer.Stop()
		select {
		case <-l.drained:
		case <-timer.C:
			err = fail("close", "", fmt.Errorf("a call of the store outlives its context: %w", ctx.Err()))
		}
	}
	l.abandon()
	if first {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, e := range l.keys {
			l.releaseClaim(e)
		}
	}
	return err
}

// closeGrace is how long Close waits for calls of the store to end after their
// context has.
const closeGrace = 500 * time.Millisecond

// Stats describes a ledger's load.
type Stats struct {
	// Keys is the number of keys in memory, and Bytes the stored size of their
	// documents.
	Keys  int
	Bytes int64
	// Waiting is the number of operations that were accepted and are not yet
	// answered.
	Waiting int
	// Watches is the number of open channels of [Ledger.Watch].
	Watches int
	// Away, NotDurable and Failing are the fields of [Health].
	Away                bool
	NotDurable, Failing int
}

// Stats returns the present load. It is cheap.
func (l *Ledger[T]) Stats() Stats {
	l.mu.Lock()
	keys, bytes := len(l.keys), l.copies.bytes
	l.mu.Unlock()
	return Stats{
		Keys:       keys,
		Bytes:      bytes,
		Waiting:    int(l.waiting.Load()),
		Watches:    int(l.watches.Load()),
		Away:       l.health.away.Load(),
		NotDurable: int(l.health.volatile.Load()),
		Failing:    int(l.health.failing.Load()),
	}
}

// acquire returns the entry of key and keeps it in memory until release.
func (l *Ledger[T]) acquire(key string) (*entry[T], error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	e := l.keys[key]
	if e == nil {
		if err := storage.CheckKey(key); err != nil {
			return nil, err
		}
		if len(l.keys) >= l.opts.MaxKeys && !l.evictOne() {
			return nil, fmt.Errorf("%w: %d keys are in use", ErrOverloaded, len(l.keys))
		}
		// The caller may reuse the memory of its string.
		key = strings.Clone(key)
		e = &entry[T]{l: l, key: key}
		l.claimKey(e)
		l.keys[key] = e
	}
	l.use(e)
	return e, nil
}

// sweep evicts idle keys.
func (l *Ledger[T]) sweep() {
	tick := time.NewTicker(max(l.opts.IdleAfter/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-l.closing:
			return
		case <-tick.C:
		}
		l.evictIdle(time.Now().Add(-l.opts.IdleAfter))
	}
}

// start runs f in a goroutine that Close waits for and that keeps e in memory. It
// returns false if the ledger is closed.
func (l *Ledger[T]) start(e *entry[T], f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.goLocked(e, f)
	return true
}

// goOn is start for work that was already accepted: it also works while the ledger
// is being closed. The caller is a goroutine of the ledger.
func (l *Ledger[T]) goOn(e *entry[T], f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.goLocked(e, f)
}

func (l *Ledger[T]) goLocked(e *entry[T], f func()) {
	l.wg.Add(1)
	if e != nil {
		l.use(e)
	}
	go func() {
		defer l.wg.Done()
		if e != nil {
			defer l.release(e)
		}
		f()
	}()
}

// jitter returns a duration between low and high.
func (l *Ledger[T]) jitter(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	l.rndMu.Lock()
	defer l.rndMu.Unlock()
	return low + time.Duration(l.rnd.Int64N(int64(high-low)))
}

// observeRTT keeps a smoothed duration of successful writes.
func (l *Ledger[T]) observeRTT(d time.Duration) {
	for {
		old := l.rtt.Load()
		next := int64(d)
		if old != 0 {
			next = old + (int64(d)-old)/8
		}
		if l.rtt.CompareAndSwap(old, next) {
			return
		}
	}
}

// fail wraps err as the error of an operation on a key.
func fail(op, key string, err error) error {
	return &storage.Error{Op: op, Key: key, Err: err}
}
