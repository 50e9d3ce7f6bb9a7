package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// call is one Update that was accepted.
type call[T any] struct {
	op   Op[T]
	ref  opRef
	ctx  context.Context //nolint:containedctx // the caller's, for its values
	done chan struct{}

	// Guarded by entry.mu until done is closed.
	attempted bool // a write with it was sent and may land
	volatile  bool // a write with it landed and may be lost again
	gone      bool // its caller has given up
	receipt   Receipt[T]
	err       error
	own       bool // err is from the operation itself
}

func newCall[T any](ctx context.Context, op Op[T]) *call[T] {
	ref := newRef()
	if op.ID != "" {
		ref = refOf(op.ID, op.Payload)
	}
	return &call[T]{ctx: ctx, op: op, ref: ref, done: make(chan struct{})}
}

// outcome is the result of an operation once its commit is durable.
type outcome[T any] struct {
	call    *call[T]
	receipt Receipt[T] // without Snapshot
	err     error
	own     bool
}

// attempt is a batch of operations applied to a base, and the write of the
// result. Its revision and nonce show whether it landed.
type attempt[T any] struct {
	base, doc *document[T]
	nonce     uint64
	body      []byte
	outcomes  []outcome[T]
	effects   int // operations that changed something; if 0, nothing is written
}

// enqueue accepts all of the calls, consecutively, or none.
func (e *entry[T]) enqueue(calls ...*call[T]) error {
	l, n := e.l, len(calls)
	if l.waiting.Add(int64(n)) > int64(l.opts.MaxWaiting) {
		l.waiting.Add(int64(-n))
		l.refused(e.key)
		return fmt.Errorf("%w: %d in the ledger", ErrOverloaded, l.opts.MaxWaiting)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pending+n > l.opts.MaxWaitingPerKey {
		l.waiting.Add(int64(-n))
		l.refused(e.key)
		return fmt.Errorf("%w: %d on this key", ErrOverloaded, e.pending)
	}
	if !e.committing {
		if !l.start(e, e.commitLoop) {
			l.waiting.Add(int64(-n))
			return ErrClosed
		}
		e.committing = true
	}
	e.pending += n
	e.queue = append(e.queue, calls...)
	return nil
}

// leave withdraws c because its context ended, unless c is answered.
func (e *entry[T]) leave(c *call[T], cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-c.done:
		return
	default:
	}
	cause = e.because(cause)
	if c.attempted {
		c.err = fmt.Errorf("%w: %w: a write was sent and not settled: %w", storage.ErrUnavailable, ErrOutcomeUnknown, cause)
	} else {
		c.err = fmt.Errorf("%w: nothing was applied: %w", storage.ErrUnavailable, cause)
	}
	e.finish(c)
	// Callers that time out repeatedly while the store hangs must not fill the queue.
	e.goneQueued++
	if e.goneQueued > 64 && e.goneQueued > len(e.queue)/2 {
		e.queue = slices.DeleteFunc(e.queue, func(c *call[T]) bool { return c.gone })
		e.goneQueued = 0
	}
}

// finish counts c as answered. The caller holds e.mu.
func (e *entry[T]) finish(c *call[T]) {
	c.gone = true
	e.pending--
	e.l.waiting.Add(-1)
}

// resolve answers c unless it has left. The caller holds e.mu.
func (e *entry[T]) resolve(c *call[T], receipt Receipt[T], err error, own bool) {
	if c.gone {
		return
	}
	c.receipt, c.err, c.own = receipt, err, own
	e.finish(c)
	close(c.done)
}

// committer is the state of a key's commit loop.
type committer[T any] struct {
	e     *entry[T]
	batch []*call[T]
	// pending is a write with an unknown outcome. Until the outcome is known,
	// the same bytes are sent again on the same condition and nothing else is
	// applied: whichever of the writes lands, it is the same commit.
	pending *attempt[T]
	// read is true if the store must be read before anything else.
	read bool
	// fresh is true if the document was read after the batch was complete, so
	// that outcomes without a write are linearizable.
	fresh bool
	// alone is the number of operations to commit one by one, because the
	// document could not be encoded with all of them.
	alone    int
	failures int // in a row
	attempts int
	began    time.Time
}

// commitLoop commits waiting operations until the queue is empty.
func (e *entry[T]) commitLoop() {
	e.commitOn(&committer[T]{e: e})
}

// commitOn is commitLoop from c's state. If the caller's code ends the goroutine
// by [runtime.Goexit], the loop continues in another one.
func (e *entry[T]) commitOn(c *committer[T]) {
	ended := false
	defer func() {
		if ended {
			return
		}
		e.l.logGoexit(e.key)
		c.failed(errGoexit)
		e.l.goOn(e, func() { e.commitOn(c) })
	}()
	for c.step() {
	}
	ended = true
}

// errGoexit is the error of an operation or codec that ended its goroutine.
var errGoexit = errors.New("ledger: an operation or the codec ended its goroutine (runtime.Goexit)")

func (l *Ledger[T]) logGoexit(key string) {
	l.log.LogAttrs(context.Background(), slog.LevelError, "goroutine ended by an operation or the codec", slog.String("key", key))
}

// failed handles a batch that could not be applied as a whole: its operations
// are applied one by one, so that only those that cause the error fail.
func (c *committer[T]) failed(err error) {
	if len(c.batch) > 1 {
		c.alone = len(c.batch)
		c.e.putBack(c.batch)
		c.batch = nil
		return
	}
	c.reject(err)
}

// step makes one step. It returns false if there is nothing left to do.
func (c *committer[T]) step() bool {
	e := c.e
	if e.l.base.Err() != nil {
		c.giveUp()
		return false
	}
	if c.pending != nil && !e.anyWaits(c.pending) {
		// If the write lands late, it is like another writer's commit.
		c.pending, c.batch = nil, nil
	}
	if c.pending == nil {
		if len(c.batch) == 0 {
			e.yield()
			c.attempts, c.failures = 0, 0
		}
		if !c.fill() {
			return false
		}
	}
	doc, certain := e.current()
	if certain {
		c.fresh = true
	} else if e.takeHint() {
		c.read = true
	}
	if c.read || doc == nil || e.sole() && !certain {
		var err error
		doc, err = e.fetch(c.cause(), e.l.opts.CallTimeout)
		switch {
		case err == nil:
			c.read, c.fresh = false, true
		case errors.Is(err, ErrDamaged) || isAnswer(err):
			c.reject(err)
			return true
		default:
			c.backOff()
			return true
		}
	}
	if c.pending != nil {
		if doc.version == c.pending.base.version {
			c.write(c.pending)
		} else {
			c.settle(doc)
		}
		return true
	}
	a, err := e.apply(doc, c.batch)
	switch {
	case err != nil:
		c.failed(err)
	case a.effects == 0 && !c.fresh:
		c.read = true
	case a.effects == 0:
		e.answer(a, doc)
		c.batch = nil
	default:
		if c.claim(a) {
			c.write(a)
		}
	}
	return true
}

// cause returns the context of the first call of the batch.
func (c *committer[T]) cause() context.Context {
	if len(c.batch) == 0 {
		return c.e.l.base
	}
	return c.batch[0].ctx
}

// fill completes the batch from the queue. If there is nothing to do, it ends the
// loop and returns false.
func (c *committer[T]) fill() bool {
	e := c.e
	e.mu.Lock()
	defer e.mu.Unlock()
	c.batch = slices.DeleteFunc(c.batch, func(c *call[T]) bool { return c.gone })
	limit := e.l.opts.MaxBatch
	if c.alone > 0 && len(c.batch) == 0 {
		limit = 1
		c.alone--
	} else if c.alone > 0 {
		limit = len(c.batch)
	}
	taken := 0
	for _, q := range e.queue {
		if len(c.batch) >= limit {
			break
		}
		taken++
		if !q.gone {
			c.batch = append(c.batch, q)
			c.fresh = false
		} else {
			e.goneQueued--
		}
	}
	rest := copy(e.queue, e.queue[taken:])
	clear(e.queue[rest:])
	e.queue = e.queue[:rest]
	if rest == 0 {
		e.goneQueued = 0
		if cap(e.queue) > 64 {
			e.queue = nil
		}
	}
	if len(c.batch) > 0 {
		if c.attempts == 0 {
			c.began = time.Now()
		}
		return true
	}
	e.committing = false
	return false
}

// claim marks the batch as attempted. It returns false if a caller has given up
// since it was applied, because that caller's effect must not be written.
func (c *committer[T]) claim(a *attempt[T]) bool {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	for _, q := range c.batch {
		if q.gone {
			return false
		}
	}
	for _, q := range c.batch {
		q.attempted = true
	}
	c.e.sent = a.doc.snap.Nonce
	return true
}

// write replaces the base by a's document in the store.
func (c *committer[T]) write(a *attempt[T]) {
	e, l := c.e, c.e.l
	op := "create"
	if a.base.snap.Exists {
		op = "replace"
	}
	c.attempts++
	began := time.Now()
	volatile := e.isVolatile()
	var version storage.Version
	var err error
	ctx, done := l.storeCall(caused{l.base, c.cause()}, op, e.key, l.opts.CallTimeout)
	if a.base.snap.Exists {
		version, err = l.store.Replace(ctx, e.key, a.body, a.base.version)
	} else {
		version, err = l.store.Create(ctx, e.key, a.body)
	}
	done(err)
	e.heard(&e.writes, began, err)
	switch {
	case err == nil:
		e.durable(volatile)
		l.observeRTT(time.Since(began))
		a.doc.version = version
		c.landed(a, began)
	case errors.Is(err, storage.ErrConflict):
		if f := l.opts.Observer.Conflict; f != nil {
			f(e.key)
		}
		e.mu.Lock()
		if e.doc == a.base && e.deleting == 0 && c.pending == nil {
			e.shareKey("a write met another version than the last one")
		}
		e.fair.foreign(time.Now(), time.Duration(l.rtt.Load()))
		e.mu.Unlock()
		// Usually another writer was faster. But a proxy or client library that
		// retries may have met its own success: the document shows which.
		again := c.pending != nil
		c.pending, c.read = a, true
		if again {
			// A conflict although the version is the current one: do not spin. It
			// persists if a proxy changes versions, as some do that compress.
			err = fmt.Errorf("%w: a conflict at the version %q, which was read before and after it: %w", storage.ErrUnavailable, a.base.version, err)
			e.observeError(err)
			e.ill(&e.writes, began, err)
			c.backOff()
		}
	case errors.Is(err, storage.ErrRefused):
		if c.pending == nil {
			// No earlier write of this batch has an unknown outcome, unless it
			// landed and was sent again to make it last.
			e.mu.Lock()
			for _, q := range c.batch {
				q.attempted = q.volatile
			}
			e.mu.Unlock()
		}
		c.reject(err)
	case errors.Is(err, storage.ErrNotDurable):
		// Reading it back would show what a power cut may undo.
		c.reject(err)
	default:
		e.mu.Lock()
		e.trusted = false
		e.mu.Unlock()
		again := c.failures > 0
		c.pending, c.read = a, true
		if again {
			c.backOff()
		} else {
			c.failures++
		}
	}
}

// landed answers a batch after its write succeeded.
func (c *committer[T]) landed(a *attempt[T], began time.Time) {
	e := c.e
	e.mu.Lock()
	switch {
	case e.doc == a.base || e.doc == nil || a.doc.snap.Revision > e.doc.snap.Revision:
		e.hintsReplaced(a.doc.snap.Revision, false)
		e.replaceOvertaken(a.doc, began, e.doc != a.base)
	case e.doc.snap.Nonce == a.doc.snap.Nonce:
		a.doc = e.doc // a reader was faster
	}
	if !e.l.opts.ablate.yield && !e.sole() {
		e.fair.committed(time.Now(), time.Duration(e.l.rtt.Load()), e.l.jitter)
	}
	e.mu.Unlock()
	c.close(a)
}

// close answers a batch that is known to have landed and ends its commit.
func (c *committer[T]) close(a *attempt[T]) {
	e := c.e
	e.publish(a.doc.snap.Revision)
	waiting := e.answer(a, a.doc)
	c.pending, c.batch = nil, nil
	if f := e.l.opts.Observer.Commit; f != nil {
		f(Commit{
			Key: e.key, Revision: a.doc.snap.Revision, Operations: a.effects, Waiting: waiting,
			Attempts: c.attempts, Bytes: len(a.body), Duration: time.Since(c.began),
		})
	}
}

// settle decides the outcome of the pending write, given a document at another
// version than the write's base: the write landed if the document remembers it.
// Otherwise it can never land, because versions do not come back.
func (c *committer[T]) settle(doc *document[T]) {
	a, e := c.pending, c.e
	landed, known := doc.dedup.commit(a.doc.snap.Revision, a.nonce)
	switch {
	case landed && e.isVolatile() != 0:
		// It can be read, and may be lost again. It is applied again, as a
		// repetition, so that a write that lasts carries it.
		e.mu.Lock()
		for _, q := range c.batch {
			q.volatile = true
		}
		e.mu.Unlock()
		c.pending = nil
	case landed:
		if doc.snap.Nonce == a.doc.snap.Nonce {
			a.doc = doc
		}
		c.close(a)
	case known:
		e.mu.Lock()
		for _, q := range c.batch {
			q.attempted = false
		}
		e.mu.Unlock()
		c.pending = nil
	default:
		c.reject(fmt.Errorf("%w: the document has forgotten revision %d", storage.ErrUnavailable, a.doc.snap.Revision))
	}
}

// reject answers the batch with err.
func (c *committer[T]) reject(err error) {
	e := c.e
	e.mu.Lock()
	for _, q := range c.batch {
		if q.attempted {
			e.resolve(q, Receipt[T]{}, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err), false)
		} else {
			e.resolve(q, Receipt[T]{}, err, false)
		}
	}
	e.mu.Unlock()
	c.pending, c.batch = nil, nil
	c.read = true
}

// giveUp ends the loop because Close's context ended.
func (c *committer[T]) giveUp() {
	e := c.e
	e.mu.Lock()
	c.batch = append(c.batch, e.queue...)
	e.queue, e.committing = nil, false
	e.mu.Unlock()
	c.reject(ErrClosed)
}

// backOff pauses before the next call to the store, longer each time.
func (c *committer[T]) backOff() {
	pause := min(retryFirst<<min(c.failures, 10), retryLast)
	c.failures++
	c.e.l.sleep(c.e.l.jitter(pause/2, pause))
}

// anyWaits reports whether any caller of a still waits.
func (e *entry[T]) anyWaits(a *attempt[T]) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(a.outcomes, func(o outcome[T]) bool { return !o.call.gone })
}

// putBack puts calls at the head of the queue.
func (e *entry[T]) putBack(calls []*call[T]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(slices.Clip(calls), e.queue...)
}

// answer gives the callers in a their outcomes, with doc's snapshot, and returns
// the number of operations that wait behind them.
func (e *entry[T]) answer(a *attempt[T], doc *document[T]) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range a.outcomes {
		if o.err == nil {
			o.receipt.Snapshot = doc.snap
		}
		e.resolve(o.call, o.receipt, o.err, o.own)
	}
	return len(e.queue)
}

// apply applies calls to base in order. An error means that the outcome of
// all together cannot be stored.
func (e *entry[T]) apply(base *document[T], calls []*call[T]) (*attempt[T], error) {
	l := e.l
	e.mu.Lock()
	rev := max(base.snap.Revision, e.highest) + 1
	e.mu.Unlock()
	var (
		nonce   = newNonce()
		now     = time.Now()
		refs    = make([]opRef, 0, len(calls))
		results = make([][]byte, 0, len(calls))
		state   = State[T]{Doc: base.snap.Doc, Revision: base.snap.Revision, Nonce: base.snap.Nonce, Exists: base.snap.Exists, Next: rev, Time: now.UTC().Truncate(time.Millisecond)}
		doc     = &document[T]{snap: base.snap}
		first   map[uint64]int
	)
	a := &attempt[T]{base: base, doc: doc, nonce: nonceDigest(nonce), outcomes: make([]outcome[T], len(calls))}
	if len(calls) > 1 && slices.ContainsFunc(calls, func(q *call[T]) bool { return q.op.ID != "" }) {
		first = make(map[uint64]int, len(calls))
	}
	for i, q := range calls {
		o := &a.outcomes[i]
		o.call = q
		// An operation without an ID can be repeated only by this call, after a write.
		var found remembered
		known := false
		if q.op.ID != "" || q.attempted {
			found, known = base.dedup.find(q.ref.id)
		}
		if known {
			if found.payload != q.ref.payload {
				o.err = ErrIDReused
				continue
			}
			o.receipt = Receipt[T]{Revision: found.rev, Index: found.index, Tag: tag(found.rev, nonceOf(found.nonce)), Result: bytes.Clone(found.result), Replayed: true, ResultForgotten: !found.kept}
			continue
		}
		if j, ok := first[q.ref.id]; ok {
			if calls[j].ref.payload != q.ref.payload {
				o.err = ErrIDReused
				continue
			}
			o.receipt = a.outcomes[j].receipt
			o.receipt.Replayed = true
			o.receipt.Result = bytes.Clone(o.receipt.Result)
			continue
		}
		change, err := e.applyOne(q, state)
		if err == nil && !change.set && !change.Unchanged && isZero(change.Doc) && !isZero(state.Doc) {
			err = fmt.Errorf("ledger: %w", ErrNoDocument)
		}
		if err != nil {
			o.err, o.own = err, true
			continue
		}
		if change.Unchanged && q.op.ID == "" {
			o.receipt = Receipt[T]{Revision: state.Revision, Index: a.effects - 1, Tag: state.Tag(), Result: change.Result, Unchanged: true}
			if a.effects == 0 {
				o.receipt.Index = base.dedup.last(state.Revision)
			}
			continue
		}
		if change.Unchanged {
			// It is written nevertheless, so that a repetition is known.
			change.Doc = state.Doc
		}
		if first != nil {
			first[q.ref.id] = i
		}
		result := change.Result
		if result == nil {
			result = []byte{}
		}
		o.receipt = Receipt[T]{Revision: rev, Index: a.effects, Tag: tag(rev, nonceText(nonce)), Result: change.Result, Unchanged: change.Unchanged}
		refs = append(refs, q.ref)
		results = append(results, result)
		a.effects++
		state = State[T]{Doc: change.Doc, Revision: rev, Nonce: nonceText(nonce), Exists: true, Next: rev, Time: state.Time}
	}
	if a.effects == 0 && base.snap.Exists && e.isVolatile() != 0 {
		// The document that these answers depend on may be lost again: write it once more.
		refs = append(refs, newRef())
		results = append(results, []byte{})
		a.effects++
		state.Nonce = nonceText(nonce)
	}
	if a.effects == 0 {
		return a, nil
	}
	if rev > maxRevision {
		return nil, fmt.Errorf("%w: there is no revision after %d", ErrDamaged, uint64(maxRevision))
	}
	doc.snap.Doc, doc.snap.Revision, doc.snap.Nonce, doc.snap.Exists = state.Doc, rev, state.Nonce, true
	if ahead := base.dedup.ahead(now); ahead > l.opts.ClockSkew {
		l.clockOnce.Do(func() {
			l.log.LogAttrs(context.Background(), slog.LevelWarn, "the clock of another writer is ahead of this one; operations may be forgotten early",
				slog.String("key", e.key), slog.Duration("ahead", ahead), slog.Duration("allowed", l.opts.ClockSkew))
		})
	}
	if !l.opts.ablate.dedup {
		doc.dedup = base.dedup.with(run{rev: rev, at: now.Unix(), nonce: a.nonce, n: a.effects}, refs, results, l.opts.limits())
	}
	var err error
	if a.body, err = e.encode(doc, base.size); err != nil {
		return nil, err
	}
	doc.size = len(a.body)
	return a, nil
}

// encode returns the stored form of doc, whose size is about likely. An error means
// that the next process could not read it: unless the codec is exact, encode also
// decodes the envelope, except for the remembered operations, which are most of the
// bytes of a small document. The decoded document replaces doc's, because other
// processes read that one.
func (e *entry[T]) encode(doc *document[T], likely int) (body []byte, err error) {
	defer e.recovered("Codec.Append", &err)
	codec := &e.l.opts.Codec
	if body, err = doc.encode(codec, likely); err != nil || codec.Exact {
		return body, err
	}
	probe := &document[T]{snap: doc.snap}
	text, err := probe.encode(codec, likely)
	if err == nil {
		probe, err = e.decode(text, "")
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: the document cannot be stored, because it could not be read again: %w", err)
	}
	doc.snap.Doc = probe.snap.Doc
	return body, nil
}

// decode decodes a stored document. It returns a panic of the codec as an error.
func (e *entry[T]) decode(body []byte, version storage.Version) (doc *document[T], err error) {
	defer e.recovered("Codec.Decode", &err)
	return decode(body, version, e.l.opts.Codec)
}

// applyOne calls one Apply. It returns a panic as an error.
func (e *entry[T]) applyOne(q *call[T], s State[T]) (change Change[T], err error) {
	defer e.recovered("Op.Apply", &err)
	if e.l.opts.CheckOperations {
		return e.applyTwice(q.op, s)
	}
	return q.op.Apply(s)
}

func isZero[T any](doc T) bool { return reflect.ValueOf(&doc).Elem().IsZero() }

// applyTwice checks that op is pure.
func (e *entry[T]) applyTwice(op Op[T], s State[T]) (Change[T], error) {
	encode := func(doc T) (string, error) {
		b, err := e.l.opts.Codec.Append(nil, doc)
		return string(b), err
	}
	before, err := encode(s.Doc)
	if err != nil {
		return Change[T]{}, err
	}
	first, firstErr := op.Apply(s)
	if after, err := encode(s.Doc); err != nil || after != before {
		return Change[T]{}, fmt.Errorf("ledger: Op.Apply changed the document that it was given from %s to %s", short([]byte(before)), short([]byte(after)))
	}
	made, err := encode(first.Doc)
	if err != nil {
		return Change[T]{}, err
	}
	second, secondErr := op.Apply(s)
	again, err := encode(second.Doc)
	if err != nil {
		return Change[T]{}, err
	}
	if made != again || !bytes.Equal(first.Result, second.Result) ||
		first.Unchanged != second.Unchanged || (firstErr == nil) != (secondErr == nil) {
		return Change[T]{}, fmt.Errorf("ledger: Op.Apply came to two results from one document: %s and %s", short([]byte(made)), short([]byte(again)))
	}
	return second, secondErr
}

// recovered converts a panic of the caller's code to an error.
func (e *entry[T]) recovered(where string, err *error) { //nolint:gocritic // the deferring function's result
	if v := recover(); v != nil {
		*err = fmt.Errorf("ledger: %s panicked: %v", where, v)
		e.l.log.LogAttrs(context.Background(), slog.LevelError, "panic in an operation",
			slog.String("key", e.key), slog.String("where", where), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	}
}

func (l *Ledger[T]) refused(key string) {
	if f := l.opts.Observer.Refused; f != nil {
		f(key)
	}
}

func (o *Options[T]) limits() limits {
	return limits{
		keep: o.RememberFor + o.ClockSkew, atLeast: o.RememberMin, atMost: o.RememberMax,
		resultBytes: o.ResultBytes, resultLargest: o.ResultBytes / 4,
	}
}
