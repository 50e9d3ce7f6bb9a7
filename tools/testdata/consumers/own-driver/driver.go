// Package consumer is an external module with its own driver, which keeps documents
// in one slice under one mutex.
package consumer

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Store keeps documents in a slice.
type Store struct {
	mu        sync.Mutex
	written   int
	documents []document
}

type document struct {
	key     string
	body    []byte
	version storage.Version
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	var doc storage.Document
	err := s.do(ctx, "get", key, func(d *document) error {
		if d == nil {
			return storage.ErrNotFound
		}
		doc = storage.Document{Body: bytes.Clone(d.body), Version: d.version}
		return nil
	})
	return doc, err
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (version storage.Version, err error) {
	err = s.do(ctx, "create", key, func(d *document) error {
		if d != nil {
			return storage.ErrConflict
		}
		version = s.next()
		s.documents = append(s.documents, document{key, bytes.Clone(body), version})
		return nil
	})
	return version, err
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, version storage.Version) (next storage.Version, err error) {
	err = s.do(ctx, "replace", key, func(d *document) error {
		if d == nil || d.version != version {
			return storage.ErrConflict
		}
		next = s.next()
		d.body, d.version = bytes.Clone(body), next
		return nil
	})
	return next, err
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, version storage.Version) error {
	return s.do(ctx, "delete", key, func(d *document) error {
		if d == nil || d.version != version {
			return storage.ErrConflict
		}
		*d = s.documents[len(s.documents)-1]
		s.documents = s.documents[:len(s.documents)-1]
		return nil
	})
}

// do calls f with the document under key, or nil if it does not exist.
func (s *Store) do(ctx context.Context, op, key string, f func(*document) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := ctx.Err()
	if err == nil {
		err = storage.CheckKey(key)
	}
	if err == nil {
		var found *document
		for i := range s.documents {
			if s.documents[i].key == key {
				found = &s.documents[i]
			}
		}
		err = f(found)
	}
	if err != nil {
		return &storage.Error{Op: op, Key: key, Err: fmt.Errorf("slice: %w", err)}
	}
	return nil
}

func (s *Store) next() storage.Version {
	s.written++
	return storage.Version(strconv.Itoa(s.written))
}
