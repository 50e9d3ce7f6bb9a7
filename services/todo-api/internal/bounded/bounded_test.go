package bounded

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Name: "bounded", Writers: 8, Increments: 25,
		Open: func(testing.TB) storage.Store { return New(memstore.New()) },
	})
}

// frozen is a store whose calls wait until it is thawed, whatever their context.
type frozen struct {
	storage.Store
	thawed       chan struct{}
	gets, writes atomic.Int64
	closed       atomic.Bool
}

func (f *frozen) Get(ctx context.Context, key string) (storage.Document, error) {
	f.gets.Add(1)
	<-f.thawed
	return f.Store.Get(ctx, key)
}

func (f *frozen) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	f.writes.Add(1)
	<-f.thawed
	return f.Store.Create(ctx, key, body)
}

func (f *frozen) Check(context.Context) error {
	f.writes.Add(1)
	<-f.thawed
	return nil
}

func (f *frozen) Close() error {
	f.closed.Store(true)
	return nil
}

func TestHangingCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := &frozen{Store: memstore.New(), thawed: make(chan struct{})}
		s := New(other)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var ended atomic.Int64
		calls := []func() error{
			func() error { _, err := s.Get(ctx, "key"); return err },
			func() error { _, _, err := storage.GetIfChanged(ctx, s, "key", ""); return err },
			func() error { _, err := s.Create(ctx, "key", nil); return err },
			func() error { return storage.Check(ctx, s) },
		}
		for _, call := range calls {
			for range Limit {
				go func() {
					if err := call(); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
					}
					ended.Add(1)
				}()
			}
		}
		<-ctx.Done()
		synctest.Wait()
		if got := ended.Load(); got != int64(len(calls))*Limit {
			t.Errorf("ended with their context: got %d, want %d", got, len(calls)*Limit)
		}
		if gets, writes := other.gets.Load(), other.writes.Load(); gets != Limit || writes != Limit {
			t.Errorf("under way: got %d reads and %d writes, want %d each", gets, writes, Limit)
		}
		close(other.thawed)
		for range 2 * Limit {
			if _, err := s.Get(t.Context(), "key"); !errors.Is(err, storage.ErrNotFound) {
				t.Fatalf("afterwards: got %v, want %v: what was given up has no effect", err, storage.ErrNotFound)
			}
			if err := storage.Check(t.Context(), s); err != nil {
				t.Fatalf("afterwards: got %v, want nil", err)
			}
		}
	})
}

func TestOpeningIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := &frozen{Store: memstore.New(), thawed: make(chan struct{})}
		open := Opener(func(context.Context, *url.URL) (storage.Store, error) {
			<-other.thawed
			return other, nil
		}, time.Second)
		if _, err := open(t.Context(), nil); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, storage.ErrUnavailable)
		}
		close(other.thawed)
		synctest.Wait()
		if !other.closed.Load() {
			t.Error("the store that opened later: got it open, want it closed")
		}
	})
}
