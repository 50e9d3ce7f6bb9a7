// Package lists reads, changes and watches todo lists in a store, and provides
// their history.
package lists

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// Options configure a [Service].
type Options struct {
	// Ledger configures the ledger. [New] sets its Codec.
	Ledger ledger.Options[*Document]
	// KeepRemoved is how long removed items can be restored. Older ones are not
	// shown, and are deleted from the store with the next change of their list.
	// If 0, only the limits of [todo.List.WithRemoval] apply.
	KeepRemoved time.Duration
}

// Snapshot is a list at one revision. It is shared: do not modify it.
type Snapshot = ledger.Snapshot[*Document]

// Service keeps lists in a store. It is safe for concurrent use. Any number of
// services, in any number of processes, may share a store.
type Service struct {
	store  storage.Store
	ledger *ledger.Ledger[*Document]
	log    *slog.Logger

	keepRemoved time.Duration

	conflicts atomic.Int64
	closeOnce sync.Once
	closing   chan struct{}
	reported  sync.WaitGroup
	checks    singleflight.Group
}

// New returns a service on store. The caller must call [Service.Close] and then
// close the store.
func New(store storage.Store, opts Options) *Service {
	o := opts.Ledger
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Service{store: store, log: o.Logger, keepRemoved: opts.KeepRemoved, closing: make(chan struct{})}
	o.Codec = codec
	onConflict := o.Observer.Conflict
	o.Observer.Conflict = func(key string) {
		s.conflicts.Add(1)
		if onConflict != nil {
			onConflict(key)
		}
	}
	s.ledger = ledger.New(store, o)
	s.reported.Go(s.reportConflicts)
	return s
}

// Read returns the present snapshot of a list. Its Exists is false if the list
// was never written.
func (s *Service) Read(ctx context.Context, name todo.Name) (Snapshot, error) {
	if err := s.compose(ctx, name); err != nil {
		return Snapshot{}, err
	}
	return s.ledger.Read(ctx, string(name))
}

// Watch returns a channel of a list's snapshots: the present one, then one for
// each change. A slow receiver gets only the newest. The channel is closed when
// ctx ends or the service is closed.
func (s *Service) Watch(ctx context.Context, name todo.Name) (<-chan Snapshot, error) {
	if err := s.compose(ctx, name); err != nil {
		return nil, err
	}
	return s.ledger.Watch(ctx, string(name))
}

// Size returns the stored size of a list; ok is false if the list is not in
// memory.
func (s *Service) Size(name todo.Name) (bytes int64, ok bool) { return s.ledger.Size(string(name)) }

// Erase permanently deletes a list if the conditions hold: its items, its history
// and the idempotency keys of its writes. Erasing a list that was never written
// succeeds.
func (s *Service) Erase(ctx context.Context, name todo.Name, conditions Conditions) error {
	err := s.erase(ctx, name, conditions)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, err)
	}
	return err
}

func (s *Service) erase(ctx context.Context, name todo.Name, conditions Conditions) error {
	if err := s.compose(ctx, name); err != nil {
		return err
	}
	err := s.ledger.Forget(ctx, string(name), func(snap Snapshot) error {
		if at := RevisionOf(snap); !conditions.hold(at, snap.Exists) {
			return &ConditionError{at}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.eraseDecomposed(ctx, name)
}

// ErrNoNames means that the store cannot list its keys.
var ErrNoNames = errors.New("the store cannot list its keys")

// Names yields the names of all lists in the store.
func (s *Service) Names(ctx context.Context) iter.Seq2[todo.Name, error] {
	return func(yield func(todo.Name, error) bool) {
		lister, ok := s.store.(storage.Lister)
		if !ok {
			yield("", ErrNoNames)
			return
		}
		for key, err := range lister.Keys(ctx) {
			if !yield(todo.Name(key), err) || err != nil {
				return
			}
		}
	}
}

// Check returns an error if the store does not answer, or if a landed write may
// be lost because the store could not make it durable.
func (s *Service) Check(ctx context.Context) error {
	switch health := s.ledger.Health(); {
	case health.NotDurable > 0:
		return fmt.Errorf("the latest write of %d lists may be lost: %w", health.NotDurable, health.Err)
	case health.Away:
		return fmt.Errorf("the store does not answer: %w", health.Err)
	}
	// Probes share one check, so that they cannot pile up.
	checked := s.checks.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		return nil, storage.Check(ctx, s.store)
	})
	select {
	case result := <-checked:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkTimeout bounds a check of a store that keeps to its context.
const checkTimeout = 5 * time.Second

// Stats returns the ledger's statistics.
func (s *Service) Stats() ledger.Stats { return s.ledger.Stats() }

// Close waits for accepted operations and closes the channels of
// [Service.Watch]. If ctx ends first, Close returns its error and the remaining
// operations fail.
func (s *Service) Close(ctx context.Context) error {
	s.closeOnce.Do(func() { close(s.closing) })
	err := s.ledger.Close(ctx)
	s.reported.Wait()
	return err
}

// reportConflicts logs the number of conflicts with other servers every ten
// seconds, for alarms.
func (s *Service) reportConflicts() {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for open := true; open; {
		select {
		case <-tick.C:
		case <-s.closing:
			open = false
		}
		if n := s.conflicts.Swap(0); n > 0 {
			s.log.LogAttrs(context.Background(), slog.LevelInfo, "writes conflicted with another server's and were applied again",
				slog.Int64("conflicts", n))
		}
	}
}
