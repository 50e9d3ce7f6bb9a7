package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

func setText(text string) ledger.Op[string] {
	return ledger.Op[string]{Apply: func(ledger.State[string]) (ledger.Change[string], error) {
		return ledger.Set(text), nil
	}}
}

// fill writes n documents of size bytes under k0, k1, ... in this order. A key
// is in use until its goroutine has ended, which is a moment after the answer:
// hence the bubble that the callers run in, and its Wait.
func fill(t *testing.T, l *ledger.Ledger[string], n, size int) {
	t.Helper()
	for i := range n {
		if _, err := l.Update(t.Context(), fmt.Sprint("k", i), setText(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

// reads counts the reads of the store that reading keys takes.
func reads(t *testing.T, l *ledger.Ledger[string], s *counting, keys ...string) int {
	t.Helper()
	before := s.gets
	for _, key := range keys {
		if _, err := l.Read(t.Context(), key); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		synctest.Wait()
	}
	return s.gets - before
}

func TestMaxBytesEvictsTheLeastRecentlyUsed(t *testing.T) {
	synctest.Test(t, testMaxBytesEvictsTheLeastRecentlyUsed)
}

func testMaxBytesEvictsTheLeastRecentlyUsed(t *testing.T) {
	store := &counting{Store: memstore.New()}
	const size, room = 10_000, 3
	l := open(t, store, ledger.Options[string]{MaxBytes: room*size + 5_000})
	fill(t, l, 10, size)
	if got := l.Stats(); got.Keys != room || got.Bytes > room*size+5_000 || got.Bytes < room*size {
		t.Errorf("got %d keys of %d bytes, want %d of %d bytes and a little", got.Keys, got.Bytes, room, room*size)
	}
	if got := reads(t, l, store, "k7", "k8", "k9"); got != 0 {
		t.Errorf("the latest keys: got %d reads of the store, want none", got)
	}
	_ = reads(t, l, store, "k7", "k0") // k7 is newer than k8 then, and k0 comes in
	if got := reads(t, l, store, "k7"); got != 0 {
		t.Error("the key that was read last but one was evicted")
	}
	if got := reads(t, l, store, "k8"); got != 1 {
		t.Error("the least recently used key was kept")
	}
	// A document that shrinks makes room.
	if _, err := l.Update(t.Context(), "k7", setText("")); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	if got, limit := l.Stats().Bytes, int64(2*size+5_000); got > limit {
		t.Errorf("after a document shrank: got %d bytes, want at most %d", got, limit)
	}
}

func TestMaxBytesBoundsWatchedDocuments(t *testing.T) {
	synctest.Test(t, testMaxBytesBoundsWatchedDocuments)
}

func testMaxBytesBoundsWatchedDocuments(t *testing.T) {
	const size = 10_000
	l := open(t, memstore.New(), ledger.Options[string]{MaxBytes: 2*size + 5_000})
	fill(t, l, 4, size)
	ctx, cancel := context.WithCancel(t.Context())
	watch := func(key string) error {
		_, err := l.Watch(ctx, key)
		return err
	}
	for _, key := range []string{"k0", "k1", "k0"} {
		if err := watch(key); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
	if err := watch("k2"); !errors.Is(err, ledger.ErrOverloaded) {
		t.Errorf("a third watched document: got %v, want %v", err, ledger.ErrOverloaded)
	}
	// What is watched does not stop other documents from being read.
	if got, err := l.Read(t.Context(), "k3"); err != nil || len(got.Doc) != size {
		t.Errorf("got %d bytes, %v", len(got.Doc), err)
	}
	synctest.Wait()
	if got := l.Stats().Keys; got != 2 {
		t.Errorf("got %d keys in memory, want the watched ones alone", got)
	}
	cancel()
	synctest.Wait() // channels close in a goroutine of the context
	ctx = t.Context()
	if err := watch("k2"); err != nil {
		t.Errorf("after the others had left: %v", err)
	}
}
