package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/bounded"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/v1store"
)

type openFunc func(ctx context.Context, url string) (storage.Store, error)

func openStore(ctx context.Context, url string) (storage.Store, error) {
	var stores storageurl.Mux
	stores.Handle("mem", memstore.OpenURL)
	stores.Handle("file", bounded.Opener(v1store.OpenURL, openTimeout))
	stores.Handle("bolt", bounded.Opener(boltstore.OpenURL, openTimeout))
	stores.Handle("s3", s3store.OpenURL)
	return stores.Open(ctx, url)
}

const (
	openTimeout = 10 * time.Second
	// checkTimeout bounds one check. The first check of an S3 server is up to four
	// requests, each of which may take 2 s or be repeated.
	checkTimeout = 15 * time.Second
)

// awaitStore opens the store and checks that it answers. It repeats this for
// store_wait while the store is unavailable: the store may still be starting, or
// another process may be about to close it.
func awaitStore(ctx context.Context, cfg settings, log *slog.Logger, open openFunc) (storage.Store, error) {
	deadline := time.Now().Add(cfg.StoreWait)
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		store, err := openAnswering(ctx, cfg.Store, open)
		if err == nil {
			return store, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !errors.Is(err, storage.ErrUnavailable) || time.Now().Add(pause).After(deadline) {
			return nil, fmt.Errorf("TODO_STORE: %w", err)
		}
		log.LogAttrs(ctx, slog.LevelWarn, "the store does not answer yet", slog.Any("error", err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// openAnswering opens the store and checks it once.
func openAnswering(ctx context.Context, url string, open openFunc) (storage.Store, error) {
	store, err := open(ctx, url)
	if err != nil && !strings.Contains(err.Error(), url) {
		err = fmt.Errorf("%w, got %q", err, url)
	}
	if err != nil {
		return nil, err
	}
	checkCtx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := storage.Check(checkCtx, store); err != nil {
		if checkCtx.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: no answer within %v: %w", storage.ErrUnavailable, checkTimeout, err)
		}
		if closer, ok := store.(io.Closer); ok {
			err = errors.Join(err, within(minimumClose, "close the store", closer.Close))
		}
		return nil, fmt.Errorf("store %s: %w", url, err)
	}
	return store, nil
}
