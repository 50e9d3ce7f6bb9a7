package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// awaitStore checks a store that hangs again, like one that refuses connections, and
// waits for a slow one.
func TestAwaitStore(t *testing.T) {
	hang := faultstore.Fault{Kind: faultstore.DelayOnly, Delay: time.Hour}
	slow := faultstore.Fault{Kind: faultstore.DelayOnly, Delay: 10 * time.Second}
	away := faultstore.Fault{Kind: faultstore.FailBefore}
	refuses := faultstore.Fault{Kind: faultstore.Refused}
	for name, test := range map[string]struct {
		checks []faultstore.Fault
		wait   time.Duration
		want   error
		within time.Duration
	}{
		"hangs once":             {[]faultstore.Fault{hang}, time.Minute, nil, time.Minute},
		"away, then hangs":       {[]faultstore.Fault{away, hang, away}, time.Minute, nil, time.Minute},
		"slow":                   {[]faultstore.Fault{slow}, 0, nil, 15 * time.Second},
		"hangs":                  {[]faultstore.Fault{hang, hang, hang, hang, hang, hang}, time.Minute, storage.ErrUnavailable, 80 * time.Second},
		"hangs, without waiting": {[]faultstore.Fault{hang}, 0, storage.ErrUnavailable, 20 * time.Second},
		"refuses":                {[]faultstore.Fault{refuses}, time.Minute, storage.ErrRefused, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := faultstore.New(memstore.New(), faultstore.Script("check", test.checks...))
				open := func(context.Context, string) (storage.Store, error) { return store, nil }
				began := time.Now()
				_, err := awaitStore(t.Context(), settings{Store: "mem:", StoreWait: test.wait}, slog.New(slog.DiscardHandler), open)
				if !errors.Is(err, test.want) || (test.want == nil) != (err == nil) {
					t.Errorf("got error %v, want %v", err, test.want)
				}
				if took := time.Since(began); took > test.within {
					t.Errorf("got an answer after %v, want it within %v", took, test.within)
				}
			})
		})
	}
}
