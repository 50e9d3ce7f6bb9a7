// Package memstore keeps documents in memory: for tests, and for previews whose
// documents may be lost when the process ends.
package memstore

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// Store is a [storage.Store] in memory. A version is the number of the write
// in this Store, so no two writes ever share one, not even across a deletion.
type Store struct {
	mu        sync.RWMutex
	documents map[string]document
	writes    uint64
}

type document struct {
	body    []byte
	version storage.Version
}

var (
	_ storage.Store             = (*Store)(nil)
	_ storage.ConditionalGetter = (*Store)(nil)
	_ storage.Lister            = (*Store)(nil)
	_ storage.Checker           = (*Store)(nil)
	_ storage.SoleOwner         = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return &Store{documents: make(map[string]document)}
}

// OpenURL opens "mem:", which takes no path and no parameters. It is a
// [storageurl.Opener].
func OpenURL(_ context.Context, u *url.URL) (storage.Store, error) {
	if err := storageurl.NoPath(u); err != nil {
		return nil, err
	}
	if _, err := storageurl.Parameters(u); err != nil {
		return nil, err
	}
	return New(), nil
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, _, err := s.GetIfChanged(ctx, key, "")
	return doc, err
}

// GetIfChanged implements [storage.ConditionalGetter].
func (s *Store) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	if err := storage.CheckCall(ctx, "get", key); err != nil {
		return storage.Document{}, false, err
	}
	s.mu.RLock()
	doc, ok := s.documents[key]
	s.mu.RUnlock()
	switch {
	case !ok:
		return storage.Document{}, false, &storage.Error{Op: "get", Key: key, Err: storage.ErrNotFound}
	case doc.version == known:
		return storage.Document{}, false, nil
	}
	return storage.Document{Body: bytes.Clone(doc.body), Version: doc.version}, true, nil
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.write(ctx, "create", key, "", body)
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	if version == "" {
		version = "none" // no document has it; "" would be a Create
	}
	return s.write(ctx, "replace", key, version, body)
}

// write stores body if the key is at version at; "" means that it holds no
// document.
func (s *Store) write(ctx context.Context, op, key string, at storage.Version, body []byte) (storage.Version, error) {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return "", err
	}
	body = append([]byte{}, body...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents[key].version != at {
		return "", &storage.Error{Op: op, Key: key, Err: storage.ErrConflict}
	}
	s.writes++
	version := storage.Version(strconv.FormatUint(s.writes, 10))
	s.documents[key] = document{body, version}
	return version, nil
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, version storage.Version) error {
	if err := storage.CheckCall(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if doc, ok := s.documents[key]; !ok || doc.version != version {
		return &storage.Error{Op: "delete", Key: key, Err: storage.ErrConflict}
	}
	delete(s.documents, key)
	return nil
}

// Keys implements [storage.Lister]: the keys as they were when the iteration
// began.
func (s *Store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, func() ([]string, error) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return slices.Collect(maps.Keys(s.documents)), nil
	})
}

// Check implements [storage.Checker].
func (s *Store) Check(ctx context.Context) error {
	return storage.CheckCall(ctx, "check", "")
}

// SoleOwner implements [storage.SoleOwner]. It is always true: the documents are in this
// process's memory.
func (s *Store) SoleOwner() bool { return true }
