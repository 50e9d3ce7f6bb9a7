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
	// repeated. Empty: the ledger makes one, and the operation is settled
	// exactly once within this call but cannot be repeated by name.
	ID string
	// Payload is what the ID stands for, for example the request's bytes. The
	// same ID with another payload is refused with [ErrIDReused]. Only a
	// digest of it is kept.
	Payload []byte
	// Apply is a pure function: it must not change what it is given, and is
	// called again, on a fresh state, when another writer was faster. It is
	// called by a goroutine of the ledger, possibly after Update has returned
	// because its context ended. An error, or a panic, refuses this operation
	// alone; those it shares a commit with are not affected.
	Apply func(State[T]) (Change[T], error)
}

// State is what an operation is applied to.
type State[T any] struct {
	Doc T
	// Revision is the revision of Doc: 0 for a document that was never
	// written here. The operations of one commit see one another's effects in
	// order: once one of them has changed something, those after it see the
	// revision that the commit is about to make. So two operations of one
	// commit never pass the same check against a revision that the first of
	// them ended.
	Revision uint64
	// Nonce tells two documents of one revision apart.
	Nonce string
	// Exists is false when nothing was ever written under the key.
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
	// Doc is the new document. Operations of the same commit are given it as it is
	// here, later ones as its [Codec] stores it. If it is the zero value of T although the
	// document was not, the operation fails, because an empty Change would
	// erase it by mistake: use [Set] to store the zero value.
	Doc T
	// Result is the caller's answer, kept with the operation's ID so that a
	// repetition gets the same one while it is remembered. Keep it small: it
	// travels with every write until it is forgotten.
	Result []byte
	// Unchanged says that the document stays as it is; Doc is ignored. Without
	// an ID nothing is written, and the result is returned at
	// the current revision. An operation with an ID is remembered like any
	// other: that is a commit.
	Unchanged bool

	set bool // Doc is meant, also if it is zero
}

// Set returns the change that stores doc, which may be the zero value of T.
func Set[T any](doc T) Change[T] { return Change[T]{Doc: doc, set: true} }

// Keep returns the change that leaves the document as it is.
func Keep[T any]() Change[T] { return Change[T]{Unchanged: true} }

// Receipt is the acknowledgement of an operation that landed, or that found
// nothing to change.
type Receipt[T any] struct {
	// Revision is the one that the operation landed in, and Index its place,
	// from 0, among the operations of that commit: together the order of all
	// operations on a key. For an Unchanged operation without an ID they are
	// those of the operation before it, and Index is -1 when that is not known or there is
	// none in this revision.
	Revision uint64
	Index    int
	// Tag is that of the snapshot at Revision; see [Snapshot.Tag].
	Tag    string
	Result []byte
	// Unchanged is the operation's own word that it changed nothing.
	Unchanged bool
	// Replayed is true when the operation had landed before, by the same ID.
	Replayed bool
	// ResultForgotten is true for a replayed operation whose result was too
	// large or too long ago to be kept.
	ResultForgotten bool
	// Snapshot is the document right after the commit, or, for a replayed
	// operation, as it is now.
	Snapshot Snapshot[T]
}

// Snapshot is a document at one revision. It is shared: do not change Doc.
// Every Snapshot of one revision that a ledger hands out while it
// keeps the key in memory carries the very same Doc, so that a pointer in it
// can hold what a caller wants to compute once a revision.
type Snapshot[T any] struct {
	Doc      T
	Revision uint64
	Nonce    string
	Exists   bool
	// Age is zero for a linearizable answer. Otherwise the store is away and
	// it is how long ago the snapshot was last known to be current.
	Age time.Duration
	// Err is not nil only in a channel of [Ledger.Watch]: what this is a
	// snapshot of is still the last known document, and why there may be a
	// newer one that cannot be read: [ErrDamaged] or the store's error. The
	// snapshot after it, without Err, says that the document can be read again.
	Err error
}

// Tag names the document at its revision: the revision, and after a hyphen the
// beginning of its nonce. Unlike a revision alone, a tag never comes back, even
// if an older document is restored by hand or the key begins anew.
func (s Snapshot[T]) Tag() string { return tag(s.Revision, s.Nonce) }

// Tag is that of the snapshot; see [Snapshot.Tag].
func (s State[T]) Tag() string { return tag(s.Revision, s.Nonce) }

const tagNonce = 10 // characters

func tag(revision uint64, nonce string) string {
	text := strconv.FormatUint(revision, 10)
	if nonce == "" {
		return text // nothing was ever written
	}
	return text + "-" + nonce[:tagNonce]
}

// The reasons for which the ledger itself refuses an operation. They come in
// a [*storage.Error] that names the key.
var (
	// ErrIDReused: the operation's ID was used before for another payload.
	ErrIDReused = errors.New("operation id was used for another payload")
	// ErrOverloaded: too many operations wait, or too many keys are in use.
	// Nothing was applied; try again later.
	ErrOverloaded = errors.New("too many operations are waiting")
	// ErrDamaged: the stored document cannot be understood: not an envelope,
	// not valid for its codec, or of a newer format than this library knows.
	// It is never overwritten.
	ErrDamaged = errors.New("stored document is damaged or of a newer format")
	// ErrNoDocument: an operation returned a [Change] without a document. It
	// would have erased the one that is there.
	ErrNoDocument = errors.New("the change has no document: use ledger.Set to store a zero value, ledger.Keep to change nothing")
	// ErrResultForgotten: [Call] repeated an operation that landed before, and
	// whose result was too large or too long ago to be kept.
	ErrResultForgotten = errors.New("the operation landed before, its result is forgotten")
	// ErrOutcomeUnknown: the context ended, or the ledger was closed, after a
	// write that carries the operation was sent and before its fate was
	// known. Repeating the operation under the same ID settles it. Without
	// this error, an operation that failed was not and will not be applied.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrClosed: the ledger was closed. Nothing was applied, unless
	// ErrOutcomeUnknown stands beside it.
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

// New returns a ledger on store. The zero Options are ready for use; New
// panics on options that contradict themselves. Call [Ledger.Close] to end it;
// the store is the caller's to close, afterwards.
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
// An error of op.Apply comes back as it is. [ErrIDReused], [ErrOverloaded],
// [ErrDamaged], [ErrClosed] and [storage.ErrInvalidKey] say what was refused
// and that nothing was applied. While the store is away Update waits until ctx
// ends; the error then wraps [storage.ErrUnavailable] and the context's error,
// and also [ErrOutcomeUnknown] when a write that carries op was sent. Give ctx
// a deadline.
func (l *Ledger[T]) Update(ctx context.Context, key string, op Op[T]) (Receipt[T], error) {
	receipts, errs := l.UpdateAll(ctx, key, []Op[T]{op})
	return receipts[0], errs[0]
}

// UpdateAll is [Ledger.Update] for operations that follow one another: they
// are queued together, in their order and with none of others between them, so
// that they land in as few writes as can be. Each has its own receipt or error,
// at its own index; one that is refused does not stop those after it. When
// there are more of them than may wait, all are refused with [ErrOverloaded].
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

// Read returns the document under key; a key that was never written has a
// Snapshot that does not exist, and no error. The answer is linearizable: it
// reflects every operation that any ledger acknowledged before
// Read was called. Readers that arrive at the same time share one conditional
// read of the store.
//
// When the store does not answer, Read returns [storage.ErrUnavailable], or the
// last known document with its Age if that is at most Options.StaleFor. A
// damaged document is [ErrDamaged], never an old copy.
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

// Watch returns a channel of the document's snapshots: first as [Ledger.Read]
// answers, then as it changes. What lands through this ledger is sent at once;
// what others write is found by conditional reads, each second while the
// document changes and falling to every ten while it is quiet (see
// Options.WatchFastest), or at once when a hint tells of it (see Options.Hints). The channel holds the newest snapshot alone: a slow
// receiver misses revisions, but never sees an older one after a newer. A
// document that is damaged, or that the store does not answer for, is told once
// by a snapshot with Err, and its end by one without.
//
// The channel is closed when ctx ends or the ledger is closed. An error means
// that there is no channel.
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

// Close ends the ledger. New calls fail with [ErrClosed] and watchers'
// channels are closed at once; operations that were accepted are settled.
// When ctx ends before that, the rest fail: with [ErrClosed] when they were
// not applied, with [ErrOutcomeUnknown] when that is not known; Close then
// returns the context's error. No goroutine of the ledger is left when Close
// returns, unless a call of the store outlives its context by more than half a
// second: Close then says so and leaves it behind. It may be called more than
// once.
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

// Stats is a picture of a ledger's load.
type Stats struct {
	// Keys is the number of keys in memory, and Bytes the size of their
	// documents as they are stored.
	Keys  int
	Bytes int64
	// Waiting is the number of operations that were accepted and are not yet
	// answered.
	Waiting int
	// Watches is the number of open channels of [Ledger.Watch].
	Watches int
	// Away, NotDurable and Failing are those of [Health].
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
		// The caller's string may live in a buffer that is used again.
		key = strings.Clone(key)
		e = &entry[T]{l: l, key: key}
		l.claimKey(e)
		l.keys[key] = e
	}
	l.use(e)
	return e, nil
}

// sweep lets idle keys go.
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

// start runs f in a goroutine that Close waits for and that keeps e in
// memory; false when the ledger is closed.
func (l *Ledger[T]) start(e *entry[T], f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.goLocked(e, f)
	return true
}

// goOn is start for what goes on after it was accepted, also while the ledger
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
