// Package lists provides todo lists that are kept in a store: reading,
// changing and watching them, and their history.
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

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// Options configure a [Service].
type Options struct {
	// Ledger are the options of the ledger. [New] sets the Codec.
	Ledger ledger.Options[*Document]
	// KeepRemoved bounds how long the items that an operation removed can be
	// restored: older ones are not shown, and leave the store with the next
	// change of their list. Default: no bound but those of [todo.List.WithRemoval].
	KeepRemoved time.Duration
}

// Snapshot is a list at one revision. It is shared: do not change it.
type Snapshot = ledger.Snapshot[*Document]

// Service keeps lists in a store. It is safe for concurrent use, and any
// number of services, in any number of processes, may work on one store.
type Service struct {
	store  storage.Store
	ledger *ledger.Ledger[*Document]
	log    *slog.Logger

	keepRemoved time.Duration

	conflicts atomic.Int64
	closeOnce sync.Once
	closing   chan struct{}
	reported  sync.WaitGroup
}

// New returns a service on store. Call [Service.Close] to end it; the store is
// the caller's to close, afterwards.
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

// Read returns a list as it is now. The snapshot of a list that was never
// written does not exist.
func (s *Service) Read(ctx context.Context, name todo.Name) (Snapshot, error) {
	if err := s.compose(ctx, name); err != nil {
		return Snapshot{}, err
	}
	return s.ledger.Read(ctx, string(name))
}

// Watch returns a channel of a list's snapshots: first as it is, then as it
// changes. A slow receiver misses all but the newest. The channel is closed
// when ctx ends or the service is closed.
func (s *Service) Watch(ctx context.Context, name todo.Name) (<-chan Snapshot, error) {
	if err := s.compose(ctx, name); err != nil {
		return nil, err
	}
	return s.ledger.Watch(ctx, string(name))
}

// Size returns the stored size of a list that is in memory, and false for any
// other.
func (s *Service) Size(name todo.Name) (bytes int64, ok bool) { return s.ledger.Size(string(name)) }

// Erase deletes a list if the conditions hold, for good: its items, its history
// and the keys of its writes. A list that was never written is erased.
func (s *Service) Erase(ctx context.Context, name todo.Name, conditions Conditions) error {
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

// ErrNoNames means that the store cannot list what it holds.
var ErrNoNames = errors.New("the store cannot list what it holds")

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

// Check returns an error if the store does not answer, or if a write may be
// lost again because the store could not make it durable.
func (s *Service) Check(ctx context.Context) error {
	switch health := s.ledger.Health(); {
	case health.NotDurable > 0:
		return fmt.Errorf("the latest write of %d lists may be lost: %w", health.NotDurable, health.Err)
	case health.Away:
		return fmt.Errorf("the store does not answer: %w", health.Err)
	}
	if checker, ok := s.store.(storage.Checker); ok {
		return checker.Check(ctx)
	}
	return nil
}

// Stats returns the present load.
func (s *Service) Stats() ledger.Stats { return s.ledger.Stats() }

// Close ends the service: accepted operations are settled, and channels of
// [Service.Watch] are closed. If ctx ends first, Close returns its error and
// the rest of the operations fail.
func (s *Service) Close(ctx context.Context) error {
	s.closeOnce.Do(func() { close(s.closing) })
	err := s.ledger.Close(ctx)
	s.reported.Wait()
	return err
}

// reportConflicts logs a line that alarms can count while other servers write
// to the same lists.
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
			s.log.LogAttrs(context.Background(), slog.LevelInfo, "writes were overtaken by another server and done again",
				slog.Int64("conflicts", n))
		}
	}
}
