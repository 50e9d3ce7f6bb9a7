package metrics

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// counts returns the values of a counter, or the numbers of observations of a
// histogram, by the values of its labels.
func (s *Set) counts(t *testing.T, name string) map[string]int {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			counts[strings.Join(labels, " ")] = int(m.GetCounter().GetValue()) + int(m.GetHistogram().GetSampleCount())
		}
	}
	return counts
}

func TestOutcomesOfStoreCalls(t *testing.T) {
	set := New("test")
	store := set.Store(memstore.New())
	ctx := context.Background()
	version, err := store.Create(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(ctx, "a", []byte("2")); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("create again: got %v, want a conflict", err)
	}
	if _, err := store.Get(ctx, "b"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("get: got %v, want not found", err)
	}
	if _, changed, err := store.GetIfChanged(ctx, "a", version); err != nil || changed {
		t.Errorf("get if changed: got %t, %v, want no change", changed, err)
	}
	if _, err := store.Get(ctx, ""); !errors.Is(err, storage.ErrInvalidKey) {
		t.Errorf("get: got %v, want an invalid key", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := store.Replace(ended, "a", []byte("3"), version); err == nil {
		t.Error("replace: got no error, want one")
	}
	want := map[string]int{
		"create conflict": 1, "create ok": 1, "get invalid_key": 1, "get not_found": 1, "get ok": 1, "replace unavailable": 1,
	}
	if got := set.counts(t, "todo_store_calls_total"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !store.SoleOwner() {
		t.Error("SoleOwner: got false, want that of the store")
	}
}

func TestAnswersByStatus(t *testing.T) {
	set := New("test")
	read := set.Operation("getState")
	for _, status := range []int{200, 404, 200, 599} {
		read.Answered(status, time.Millisecond)
	}
	want := map[string]int{"getState 200": 2, "getState 404": 1, "getState 599": 1}
	if got := set.counts(t, "todo_http_requests_total"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := set.counts(t, "todo_http_request_duration_seconds"); !maps.Equal(got, map[string]int{"getState": 4}) {
		t.Errorf("durations: got %v, want 4 of getState", got)
	}
}
