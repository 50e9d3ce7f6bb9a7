package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/httpapi"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
)

// export writes every list of the store into a folder, {name}.json each, as
// the predecessor kept them. A list that cannot be read or written is named in
// the error, after all others were exported.
func export(ctx context.Context, cfg settings, dir string, stdout io.Writer, open openFunc) (err error) {
	root, err := emptyFolder(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	// Standard output is for what was exported.
	log := slog.New(slog.DiscardHandler)
	store, err := awaitStore(ctx, cfg, log, open)
	if err != nil {
		return err
	}
	if closer, ok := store.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	lister, ok := store.(storage.Lister)
	if !ok {
		return fmt.Errorf("export: the store %s cannot list what it holds", cfg.Store)
	}
	server, err := httpapi.New(options(cfg, store, metrics.New(cfg.Release), log, nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Shutdown(ctx)) }()

	exported := 0
	var problems []error
	for name, err := range lister.Keys(ctx) {
		if err != nil {
			problems = append(problems, err)
			break
		}
		state, err := server.State(ctx, name)
		if err == nil {
			err = writeNew(root, name+".json", state)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("export: list %q: %w", name, err))
			continue
		}
		exported++
	}
	_, err = fmt.Fprintf(stdout, "%d lists exported to %s, %d failed\n", exported, dir, len(problems))
	return errors.Join(append(problems, err)...)
}

// emptyFolder opens a folder with nothing in it, which it makes if need be.
func emptyFolder(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("export: %s is not empty; expected an empty folder or none", dir)
	}
	return os.OpenRoot(dir)
}

func writeNew(root *os.Root, name string, body []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	return errors.Join(err, f.Sync(), f.Close())
}
