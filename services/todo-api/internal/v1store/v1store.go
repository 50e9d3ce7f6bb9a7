// Package v1store opens directories of the first version of this service, v1, in
// place. The name of a v1 file is the unencoded name of its list: "Casa.json",
// "São João 2020.json".
//
// The store reads a v1 file in place. The first write of a list creates a
// [diskstore] file, which hides the v1 file; the v1 file stays unchanged until the
// list is deleted. A name that diskstore also uses ("casa.json", "~7e.json") is a
// diskstore file. On a case-insensitive file system, where "Casa.json" would be
// read as the list "casa", opening the directory converts all v1 files.
package v1store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// directory is the interface of [diskstore.Store].
type directory interface {
	storage.Store
	storage.Lister
	storage.Checker
	storage.SoleOwner
	io.Closer
}

// store is a directory with v1 files.
type store struct {
	directory
	root *os.Root

	files sync.Map // the keys of the v1 files
	// mu serializes reading, replacing and deleting v1 files.
	mu sync.Mutex
}

// OpenURL opens the directory of a URL as [diskstore.OpenURL] does. If it has no
// v1 files, OpenURL returns a *diskstore.Store.
func OpenURL(ctx context.Context, u *url.URL) (storage.Store, error) {
	if _, err := storageurl.Parameters(u); err != nil {
		return nil, err
	}
	path, err := storageurl.FilePath(u)
	if err != nil {
		return nil, err
	}
	disk, err := diskstore.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, disk, path, ignoresCase)
	if err != nil {
		return nil, errors.Join(openError(path, err), disk.Close())
	}
	if s == nil {
		return disk, nil
	}
	return s, nil
}

// open returns nil if the directory has no v1 files.
func open(ctx context.Context, disk directory, path string, ignoresCase func(*os.Root) bool) (*store, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	s := &store{directory: disk, root: root}
	names, err := s.names()
	if err == nil && ignoresCase(root) {
		err = s.convert(ctx, names)
		names = nil
	}
	if err != nil || len(names) == 0 {
		return nil, errors.Join(err, root.Close())
	}
	for _, name := range names {
		s.files.Store(keyOf(name), nil)
	}
	return s, nil
}

const suffix = ".json"

func keyOf(name string) string { return strings.TrimSuffix(name, suffix) }

// names returns the names of the v1 files.
func (s *store) names() ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() && strings.HasSuffix(name, suffix) && !diskstore.IsFileName(name) && storage.CheckKey(keyOf(name)) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// ignoresCase reports whether the file system ignores case. Every open directory
// has a file .lock.
func ignoresCase(root *os.Root) bool {
	lower, err := root.Lstat(".lock")
	if err != nil {
		return false
	}
	upper, err := root.Lstat(".LOCK")
	return err == nil && os.SameFile(lower, upper)
}

// convert replaces each v1 file by a document. If the document exists, convert
// renames the v1 file and appends ".shadowed" to its name.
func (s *store) convert(ctx context.Context, names []string) error {
	for _, name := range names {
		body, err := s.root.ReadFile(name)
		if err != nil {
			return err
		}
		switch _, err := s.Create(ctx, keyOf(name), body); {
		case errors.Is(err, storage.ErrConflict):
			err = s.root.Rename(name, name+".shadowed")
			if err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if err := s.root.Remove(name); err != nil {
				return err
			}
		}
	}
	return s.sync()
}

// sync makes directory changes durable.
func (s *store) sync() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (s *store) has(key string) bool {
	_, ok := s.files.Load(key)
	return ok
}

// Get implements [storage.Store].
func (s *store) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, err := s.directory.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) && s.has(key) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.read("get", key)
	}
	return doc, err
}

// read returns the document in a v1 file.
func (s *store) read(op, key string) (storage.Document, error) {
	body, err := s.root.ReadFile(key + suffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return storage.Document{}, &storage.Error{Op: op, Key: key, Err: storage.ErrNotFound}
	case err != nil:
		return storage.Document{}, failed(op, key, err)
	}
	sum := sha256.Sum256(body)
	return storage.Document{Body: body, Version: storage.Version("v1-" + hex.EncodeToString(sum[:]))}, nil
}

// Create implements [storage.Store].
func (s *store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	if s.has(key) {
		_, err := s.Get(ctx, key)
		if err == nil {
			err = storage.ErrConflict
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return "", in("create", key, err)
		}
	}
	return s.directory.Create(ctx, key, body)
}

// Replace implements [storage.Store].
func (s *store) Replace(ctx context.Context, key string, body []byte, at storage.Version) (storage.Version, error) {
	version, err := s.directory.Replace(ctx, key, body, at)
	if !errors.Is(err, storage.ErrConflict) || !s.has(key) {
		return version, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if doc, read := s.read("replace", key); read != nil || doc.Version != at {
		return "", err
	}
	// Create fails if a document hides the file.
	version, err = s.directory.Create(ctx, key, body)
	return version, in("replace", key, err)
}

// Delete implements [storage.Store]. It deletes the v1 file first, so that the
// file cannot reappear after the document is deleted.
func (s *store) Delete(ctx context.Context, key string, at storage.Version) error {
	if !s.has(key) {
		return s.directory.Delete(ctx, key, at)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	doc, err := s.directory.Get(ctx, key)
	hidden := err == nil
	if errors.Is(err, storage.ErrNotFound) {
		doc, err = s.read("delete", key)
	}
	if errors.Is(err, storage.ErrNotFound) || err == nil && doc.Version != at {
		err = storage.ErrConflict
	}
	if err != nil {
		return in("delete", key, err)
	}
	if err := s.root.Remove(key + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("delete", key, err)
	}
	s.files.Delete(key)
	if err := s.sync(); err != nil {
		return in("delete", key, fmt.Errorf("%w: %w", storage.ErrNotDurable, err))
	}
	if hidden {
		return s.directory.Delete(ctx, key, at)
	}
	return nil
}

// Keys implements [storage.Lister].
func (s *store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, func() ([]string, error) {
		keys := make(map[string]bool)
		s.files.Range(func(key, _ any) bool {
			name, ok := key.(string)
			keys[name] = ok
			return true
		})
		for key, err := range s.directory.Keys(ctx) {
			if err != nil {
				return nil, err
			}
			keys[key] = true
		}
		return slices.Collect(maps.Keys(keys)), nil
	})
}

// Close implements [io.Closer].
func (s *store) Close() error { return errors.Join(s.directory.Close(), s.root.Close()) }

// in returns err as a [*storage.Error] of an operation on a key.
func in(op, key string, err error) error {
	if err == nil {
		return nil
	}
	if of, ok := errors.AsType[*storage.Error](err); ok {
		err = of.Err
	}
	return &storage.Error{Op: op, Key: key, Err: err}
}

// failed returns the error of an operation that changed nothing.
func failed(op, key string, err error) error {
	sentinel := storage.ErrUnavailable
	if errors.Is(err, fs.ErrPermission) {
		sentinel = storage.ErrRefused
	}
	return in(op, key, fmt.Errorf("%w: %w", sentinel, err))
}

func openError(path string, err error) error {
	return &storage.Error{Op: "open", Err: fmt.Errorf("%w: directory %s: %w", storage.ErrUnavailable, path, err)}
}
