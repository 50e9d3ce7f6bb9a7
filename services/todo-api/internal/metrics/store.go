package metrics

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Store counts the calls to another store, and implements the optional
// interfaces that the other one implements.
type Store struct {
	storage.Store
	set *Set
}

// Store returns store with its calls counted.
func (s *Set) Store(store storage.Store) *Store { return &Store{store, s} }

func (s *Store) observe(op string, began time.Time, err error) {
	outcome := "ok"
	switch {
	case err == nil:
	case errors.Is(err, storage.ErrNotFound):
		outcome = "not_found"
	case errors.Is(err, storage.ErrConflict):
		outcome = "conflict"
	case errors.Is(err, storage.ErrInvalidKey):
		outcome = "invalid_key"
	case errors.Is(err, storage.ErrRefused):
		outcome = "refused"
	default:
		outcome = "unavailable"
	}
	s.set.storeCalls.WithLabelValues(op, outcome).Inc()
	s.set.storeDurations.WithLabelValues(op).Observe(time.Since(began).Seconds())
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	began := time.Now()
	doc, err := s.Store.Get(ctx, key)
	s.observe("get", began, err)
	return doc, err
}

// GetIfChanged implements [storage.ConditionalGetter].
func (s *Store) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	began := time.Now()
	doc, changed, err := storage.GetIfChanged(ctx, s.Store, key, known)
	s.observe("get", began, err)
	return doc, changed, err
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	began := time.Now()
	version, err := s.Store.Create(ctx, key, body)
	s.observe("create", began, err)
	return version, err
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, at storage.Version) (storage.Version, error) {
	began := time.Now()
	version, err := s.Store.Replace(ctx, key, body, at)
	s.observe("replace", began, err)
	return version, err
}

// Check implements [storage.Checker].
func (s *Store) Check(ctx context.Context) error {
	began := time.Now()
	err := storage.Check(ctx, s.Store)
	s.observe("check", began, err)
	return err
}

// SoleOwner implements [storage.SoleOwner].
func (s *Store) SoleOwner() bool {
	owner, ok := s.Store.(storage.SoleOwner)
	return ok && owner.SoleOwner()
}

// Close closes the store if it holds anything to be released.
func (s *Store) Close() error {
	if closer, ok := s.Store.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
