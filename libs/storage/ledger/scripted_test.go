package ledger_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

// scripted is a calm client of a bucket, 40 ms a call, whose calls a test can
// count and bend.
type scripted struct {
	*client
	mu         sync.Mutex
	gets, puts int
	// onGet and onPut, when set, stand in for the n-th call, from 1; do makes
	// the real one, which outlives ctx.
	onGet func(ctx context.Context, n int, do func() (storage.Document, bool, error)) (storage.Document, bool, error)
	onPut func(ctx context.Context, n int, do func() (storage.Version, error)) (storage.Version, error)
}

func newScripted(b *bucket) *scripted { return &scripted{client: b.client("scripted", 1, calm)} }

func (s *scripted) counts() (gets, puts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gets, s.puts
}

func (s *scripted) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, _, err := s.GetIfChanged(ctx, key, "")
	return doc, err
}

func (s *scripted) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	s.mu.Lock()
	s.gets++
	n, f := s.gets, s.onGet
	s.mu.Unlock()
	do := func() (storage.Document, bool, error) { return s.client.GetIfChanged(ctx, key, known) }
	if f != nil {
		return f(ctx, n, do)
	}
	return do()
}

func (s *scripted) put(ctx context.Context, do func() (storage.Version, error)) (storage.Version, error) {
	s.mu.Lock()
	s.puts++
	n, f := s.puts, s.onPut
	s.mu.Unlock()
	if f != nil {
		return f(ctx, n, do)
	}
	return do()
}

func (s *scripted) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.put(ctx, func() (storage.Version, error) { return s.client.Create(context.WithoutCancel(ctx), key, body) })
}

func (s *scripted) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	return s.put(ctx, func() (storage.Version, error) {
		return s.client.Replace(context.WithoutCancel(ctx), key, body, version)
	})
}

var quietly = slog.New(slog.DiscardHandler)

// inBubble runs f in virtual time with a ledger on a scripted store.
func inBubble(t *testing.T, o ledger.Options[int], f func(t *testing.T, l *ledger.Ledger[int], s *scripted)) {
	synctest.Test(t, func(t *testing.T) {
		if o.Logger == nil {
			o.Logger = quietly
		}
		s := newScripted(newBucket())
		l := ledger.New(s, o)
		f(t, l, s)
		if err := l.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}
