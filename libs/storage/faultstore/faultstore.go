// Package faultstore wraps a [storage.Store] and makes its operations fail as
// stores do: before or after they take effect, late, or with a conflict, as if
// another writer existed. A [Plan] chooses the fault of each call, so a run can be
// repeated.
package faultstore

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Kind is what goes wrong.
type Kind string

// The kinds of faults. For an operation that writes nothing, all kinds except
// None, FailAfter, Refused and DelayOnly act as FailBefore.
const (
	// None passes the call on.
	None Kind = ""
	// DelayOnly passes the call on after the fault's Delay.
	DelayOnly Kind = "delay"
	// FailBefore answers ErrUnavailable; the operation never happens.
	FailBefore Kind = "fail before"
	// FailAfter answers ErrUnavailable although the operation took place.
	FailAfter Kind = "fail after"
	// Refused answers ErrRefused; the operation never happens.
	Refused Kind = "refused"
	// Conflict answers ErrConflict; the operation never happens.
	Conflict Kind = "conflict"
	// ConflictAfter answers ErrConflict although the operation took place, as
	// when a client repeats a write that has succeeded. It breaks the contract.
	ConflictAfter Kind = "conflict after"
	// Late answers ErrUnavailable, and the operation takes place after the fault's
	// Delay or when [Store.Settle] is called: the write of a client that was
	// believed to be dead.
	Late Kind = "late"
)

// Fault is what one call meets.
type Fault struct {
	Kind  Kind
	Delay time.Duration
	// Err, when not nil, is the cause within the answer: for example
	// [storage.ErrNotDurable] with FailAfter.
	Err error
}

// Call is one operation on the store.
type Call struct {
	// Op is the operation as in [storage.Error]; GetIfChanged is a "get".
	Op, Key string
	// N counts the calls of this operation on this key from 1.
	N int
}

// Plan decides which fault a call meets. It is called by many goroutines, one
// at a time.
type Plan func(Call) Fault

// Script gives each call of the operation, on any key, the next of the faults.
// Later calls and other operations have no faults.
func Script(op string, faults ...Fault) Plan {
	return func(c Call) Fault {
		if c.Op != op || len(faults) == 0 {
			return Fault{}
		}
		f := faults[0]
		faults = faults[1:]
		return f
	}
}

// Rate is a fault and the share of calls, 0 to 1, that meet it.
type Rate struct {
	Share float64
	Fault Fault
}

// Random gives each call at most one of the faults by its share; Delay is
// drawn anew for each between 0 and the fault's. What a call meets depends
// only on the seed and the [Call], not on how the goroutines took turns.
func Random(seed uint64, rates ...Rate) Plan {
	return func(c Call) Fault {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s\x00%s\x00%d", c.Op, c.Key, c.N)
		//nolint:gosec // faults must be reproducible
		random := rand.New(rand.NewPCG(seed, h.Sum64()))
		at := random.Float64()
		for _, r := range rates {
			if at -= r.Share; at < 0 {
				f := r.Fault
				if f.Delay > 0 {
					f.Delay = time.Duration(random.Int64N(int64(f.Delay) + 1))
				}
				return f
			}
		}
		return Fault{}
	}
}

// Store is a [storage.Store] with faults. It implements every optional
// interface; if the wrapped store lacks one, GetIfChanged and Check use Get,
// SoleOwner is false, and Keys yields [errors.ErrUnsupported].
type Store struct {
	store storage.Store

	mu       sync.Mutex
	plan     Plan
	calls    map[Call]int // by operation and key; N is 0
	injected map[Kind]int
	late     map[*lateWrite]struct{}
}

type lateWrite struct {
	timer *time.Timer
	land  func()
	once  sync.Once
}

var (
	_ storage.Store             = (*Store)(nil)
	_ storage.ConditionalGetter = (*Store)(nil)
	_ storage.Lister            = (*Store)(nil)
	_ storage.Checker           = (*Store)(nil)
	_ storage.SoleOwner         = (*Store)(nil)
)

// New wraps store. A nil plan has no faults.
func New(store storage.Store, plan Plan) *Store {
	return &Store{
		store:    store,
		plan:     plan,
		calls:    make(map[Call]int),
		injected: make(map[Kind]int),
		late:     make(map[*lateWrite]struct{}),
	}
}

// SetPlan replaces the plan; nil ends the faults.
func (s *Store) SetPlan(plan Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = plan
}

// Injected returns how many calls met each kind of fault.
func (s *Store) Injected() map[Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.injected)
}

// Settle lets every late write take place now and returns when all have.
func (s *Store) Settle() {
	s.mu.Lock()
	late := maps.Clone(s.late)
	s.mu.Unlock()
	for w := range late {
		w.timer.Stop()
		w.once.Do(w.land) // waits for the timer's run, if that was first
	}
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (doc storage.Document, err error) {
	err = s.call(ctx, "get", key, func(ctx context.Context) error {
		doc, err = s.store.Get(ctx, key)
		return err
	})
	if err != nil {
		return storage.Document{}, err
	}
	return doc, nil
}

// GetIfChanged implements [storage.ConditionalGetter].
func (s *Store) GetIfChanged(ctx context.Context, key string, known storage.Version) (doc storage.Document, changed bool, err error) {
	err = s.call(ctx, "get", key, func(ctx context.Context) error {
		doc, changed, err = storage.GetIfChanged(ctx, s.store, key, known)
		return err
	})
	if err != nil {
		return storage.Document{}, false, err
	}
	return doc, changed, nil
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.write(ctx, "create", key, body, func(ctx context.Context, body []byte) (storage.Version, error) {
		return s.store.Create(ctx, key, body)
	})
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	return s.write(ctx, "replace", key, body, func(ctx context.Context, body []byte) (storage.Version, error) {
		return s.store.Replace(ctx, key, body, version)
	})
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, version storage.Version) error {
	_, err := s.write(ctx, "delete", key, nil, func(ctx context.Context, _ []byte) (storage.Version, error) {
		return "", s.store.Delete(ctx, key, version)
	})
	return err
}

func (s *Store) write(ctx context.Context, op, key string, body []byte, do func(context.Context, []byte) (storage.Version, error)) (storage.Version, error) {
	// A late write outlives the call, to which the body belongs.
	body = append([]byte{}, body...)
	var version storage.Version
	err := s.call(ctx, op, key, func(ctx context.Context) (err error) {
		// A late write must not set the version of a call that has returned.
		v, err := do(ctx, body)
		if ctx.Value(lateKey{}) == nil {
			version = v
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return version, nil
}

// lateKey marks the context of a late write.
type lateKey struct{}

// Keys implements [storage.Lister].
func (s *Store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.call(ctx, "keys", "", func(context.Context) error { return nil }); err != nil {
			yield("", err)
			return
		}
		storage.Keys(ctx, s.store)(yield)
	}
}

// Check implements [storage.Checker].
func (s *Store) Check(ctx context.Context) error {
	return s.call(ctx, "check", "", func(ctx context.Context) error { return storage.Check(ctx, s.store) })
}

// SoleOwner implements [storage.SoleOwner].
func (s *Store) SoleOwner() bool {
	owner, ok := s.store.(storage.SoleOwner)
	return ok && owner.SoleOwner()
}

// call does the operation under the fault that the plan has for it.
func (s *Store) call(ctx context.Context, op, key string, do func(context.Context) error) error {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return err
	}
	f := s.next(op, key)
	writes := op == "create" || op == "replace" || op == "delete"
	if !writes && f.Kind != None && f.Kind != FailAfter && f.Kind != Refused && f.Kind != DelayOnly {
		f.Kind = FailBefore
	}
	if f.Kind == Late {
		s.later(context.WithValue(context.WithoutCancel(ctx), lateKey{}, true), f.Delay, do)
	} else if f.Delay > 0 {
		wait := time.NewTimer(f.Delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
			return &storage.Error{Op: op, Key: key, Err: ctx.Err()}
		}
	}
	switch f.Kind {
	case None, DelayOnly:
		return do(ctx)
	case FailAfter, ConflictAfter:
		if err := do(ctx); err != nil {
			return err
		}
	case FailBefore, Refused, Conflict, Late:
	}
	cause := storage.ErrUnavailable
	switch f.Kind {
	case Refused:
		cause = storage.ErrRefused
	case Conflict, ConflictAfter:
		cause = storage.ErrConflict
	default:
	}
	err := fmt.Errorf("%w: injected fault: %s", cause, f.Kind)
	if f.Err != nil {
		err = fmt.Errorf("%w: %w", err, f.Err)
	}
	return &storage.Error{Op: op, Key: key, Err: err}
}

func (s *Store) next(op, key string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan == nil {
		return Fault{}
	}
	c := Call{Op: op, Key: key}
	s.calls[c]++
	c.N = s.calls[c]
	f := s.plan(c)
	if f.Kind == None && f.Delay > 0 {
		f.Kind = DelayOnly
	}
	if f.Kind != None {
		s.injected[f.Kind]++
	}
	return f
}

func (s *Store) later(ctx context.Context, delay time.Duration, do func(context.Context) error) {
	w := &lateWrite{}
	w.land = func() {
		_ = do(ctx) // there is no caller left to tell
		s.mu.Lock()
		delete(s.late, w)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late[w] = struct{}{}
	w.timer = time.AfterFunc(delay, func() { w.once.Do(w.land) })
}
