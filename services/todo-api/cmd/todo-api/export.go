package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// export writes every list of the store into a directory, {name}.json each, in
// the v1 form. It exports all lists that it can; the error names the others.
func export(ctx context.Context, cfg settings, dir string, stdout io.Writer, open openFunc) (err error) {
	root, err := emptyDirectory(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	// Standard output is for the summary.
	log := slog.New(slog.DiscardHandler)
	store, err := awaitStore(ctx, cfg, log, open)
	if err != nil {
		return err
	}
	if closer, ok := store.(io.Closer); ok {
		defer func() { err = errors.Join(err, within(cfg.ShutdownTimeout, "close the store", closer.Close)) }()
	}
	service := lists.New(store, lists.Options{Ledger: ledger.Options[*lists.Document]{Logger: log}})
	defer func() { err = errors.Join(err, service.Close(ctx)) }()

	exported := 0
	var problems []error
	for name, err := range service.Names(ctx) {
		if err != nil {
			problems = append(problems, fmt.Errorf("export: %w", err))
			break
		}
		state, err := stateOf(ctx, service, name)
		if err == nil {
			err = writeList(root, string(name), state)
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

// stateOf returns a list in the v1 form.
func stateOf(ctx context.Context, service *lists.Service, name todo.Name) ([]byte, error) {
	if _, err := todo.ParseName(string(name)); err != nil {
		return nil, err
	}
	snap, err := service.Read(ctx, name)
	return snap.Doc.State(), err
}

// emptyDirectory opens an empty directory, and creates it if it does not exist.
func emptyDirectory(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("export: %s is not empty; expected an empty directory, or one that does not exist", dir)
	}
	return os.OpenRoot(dir)
}

// writeList writes a list to {name}.json. If the file system does not support the
// name, the file is named by a digest, and a .key file beside it contains the
// name. A server that opens the directory finds the list in both cases.
func writeList(root *os.Root, name string, state []byte) error {
	f, err := create(root, name+".json")
	if err == nil {
		return write(f, state)
	}
	sum := sha256.Sum256([]byte(name))
	digest := "~~" + hex.EncodeToString(sum[:])
	for _, file := range []struct {
		suffix string
		body   []byte
	}{{".key", []byte(name)}, {".json", state}} {
		f, digestErr := create(root, digest+file.suffix)
		if digestErr == nil {
			digestErr = write(f, file.body)
		}
		if digestErr != nil {
			return errors.Join(err, digestErr)
		}
	}
	return nil
}

func create(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func write(f *os.File, body []byte) error {
	_, err := f.Write(body)
	return errors.Join(err, f.Sync(), f.Close())
}
