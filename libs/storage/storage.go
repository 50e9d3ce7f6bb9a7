// Package storage is a contract for documents with compare-and-swap: small
// bodies under string keys, each with an opaque version, written only by
// naming the version that is being replaced.
//
// There is no blind put. A writer has either seen that nothing is there
// ([Store.Create]) or names what was there ([Store.Replace]); if another
// writer was faster, the answer is [ErrConflict] and nothing has changed. That
// rule lets any number of processes share a store without losing an update,
// and it is all that a driver has to provide.
//
// Drivers are packages of their own (memstore, diskstore, boltstore, s3store, and
// in modules of their own gcsstore and azblobstore) and pass the conformance suite
// in storagetest. This package imports no driver and no SDK.
package storage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
	"unicode/utf8"
)

// MaxKeyBytes is the length of the longest valid key, in bytes of UTF-8.
const MaxKeyBytes = 512

// Version identifies one stored state of one document. It is opaque: compare
// it for equality and hand it back to [Store.Replace], but do not interpret it.
// The empty Version never names a stored document.
//
// Two different writes may carry the same Version when they stored the same
// bytes (an S3 ETag is a digest of the body). Callers that must tell such writes
// apart add a counter or nonce to the body, as package ledger does.
type Version string

// Document is what a store holds under a key.
type Document struct {
	// Body is exactly the bytes that were written. The caller may change it.
	Body []byte
	// Version names this state of the document.
	Version Version
}

// Store is a set of documents with compare-and-swap on each. Implementations
// are safe for concurrent use, never retain or modify a body they are given,
// and return every error as an [*Error] around one of this package's
// sentinels or around the context's error.
//
// A call with a context that is already done has no effect. The cancellation
// of a call under way, like [ErrUnavailable], leaves open whether a write took
// effect: read the document to find out.
type Store interface {
	// Get returns the document under key, or [ErrNotFound] if it does not
	// exist. It is linearizable: it sees every write that any process's store
	// acknowledged before it began.
	Get(ctx context.Context, key string) (Document, error)
	// Create stores body under a key that holds nothing and returns its
	// version, or [ErrConflict] if the key holds a document.
	Create(ctx context.Context, key string, body []byte) (Version, error)
	// Replace stores body in place of the document at version and returns the
	// new version, or [ErrConflict] if the key holds another version or
	// nothing.
	Replace(ctx context.Context, key string, body []byte, version Version) (Version, error)
	// Delete removes the document at version. It returns [ErrConflict] if the
	// key holds another version or nothing.
	Delete(ctx context.Context, key string, version Version) error
}

// ConditionalGetter is implemented by stores for which asking whether a
// document changed is cheaper than reading it.
type ConditionalGetter interface {
	// GetIfChanged is [Store.Get], but reports changed == false and a zero
	// Document when the document is still at version known. It is as
	// linearizable as Get.
	GetIfChanged(ctx context.Context, key string, known Version) (doc Document, changed bool, err error)
}

// GetIfChanged is the method of that name of s, and for a store without it a Get
// whose version is compared. Wrappers need no fallback of their own.
func GetIfChanged(ctx context.Context, s Store, key string, known Version) (doc Document, changed bool, err error) {
	if getter, ok := s.(ConditionalGetter); ok {
		return getter.GetIfChanged(ctx, key, known)
	}
	doc, err = s.Get(ctx, key)
	if err != nil || doc.Version == known {
		return Document{}, false, err
	}
	return doc, true, nil
}

// Lister is implemented by stores that can enumerate their keys.
type Lister interface {
	// Keys yields every key in lexical order of its bytes, or an error, after
	// which it stops. Documents written meanwhile may or may not appear.
	Keys(ctx context.Context) iter.Seq2[string, error]
}

// Checker is implemented by stores that can tell, more cheaply than a Get,
// whether they would answer. Readiness probes call it.
type Checker interface {
	// Check returns nil if the store answers, and otherwise [ErrUnavailable]
	// or [ErrRefused] with the cause. It changes no document.
	Check(ctx context.Context) error
}

// Keys is [Lister.Keys] of s; a store that cannot list yields
// [errors.ErrUnsupported]. Like [GetIfChanged] and [Check], it is the fallback that
// wrappers would need.
func Keys(ctx context.Context, s Store) iter.Seq2[string, error] {
	if lister, ok := s.(Lister); ok {
		return lister.Keys(ctx)
	}
	return func(yield func(string, error) bool) {
		yield("", &Error{Op: "keys", Err: fmt.Errorf("%w: %T cannot list", errors.ErrUnsupported, s)})
	}
}

// Check is [Checker.Check] of s; from a store without it, Check gets a document.
func Check(ctx context.Context, s Store) error {
	if checker, ok := s.(Checker); ok {
		return checker.Check(ctx)
	}
	if _, err := s.Get(ctx, "check"); err != nil && !errors.Is(err, ErrNotFound) {
		return &Error{Op: "check", Err: err}
	}
	return nil
}

// SoleOwner is implemented by stores that only this process can write to, so
// that a copy in memory, once written, is the truth and needs no revalidation.
type SoleOwner interface {
	// SoleOwner reports whether no other process can write to the store while
	// it is open. Callers within the process that rely on it must use different
	// keys.
	SoleOwner() bool
}

// The reasons for which an operation fails. Match them with [errors.Is].
var (
	// ErrNotFound: the key holds no document. It is never used for a store
	// that could not be asked.
	ErrNotFound = errors.New("document not found")
	// ErrConflict: the document is not at the version that the call named, or
	// already exists when it was to be created. Nothing was changed.
	ErrConflict = errors.New("document changed by another writer")
	// ErrInvalidKey: no store accepts the key; see [CheckKey].
	ErrInvalidKey = errors.New("invalid key")
	// ErrRefused: the store answered with a refusal: permission denied, body or
	// name too long, read-only, or no space before anything was written. Nothing
	// was changed. The cause has the reason.
	ErrRefused = errors.New("store refused")
	// ErrUnavailable: the store did not answer: network, missing or expired
	// credentials, time-outs, server errors, failing hardware. A write that
	// ends so may or may not have taken effect.
	ErrUnavailable = errors.New("store unavailable")
	// ErrNotDurable: a write took effect, but a power cut may undo it, because
	// making it durable failed. It must not be acknowledged, although a later read
	// may show it. It wraps [ErrUnavailable].
	ErrNotDurable = fmt.Errorf("%w: the write may or may not last", ErrUnavailable)
)

// Error is the error of one operation on one key.
type Error struct {
	// Op is the operation: "get", "create", "replace", "delete", "keys",
	// "check" or "open".
	Op string
	// Key is the document's key; empty where the operation has none.
	Key string
	// Err is the cause: it wraps one of the sentinels or a context's error.
	Err error
}

// Error returns the operation, the quoted key and the cause.
func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("storage: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("storage: %s %q: %v", e.Op, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CheckCall is the first step of every operation of a driver. It returns an
// [*Error] around the context's error when ctx is done, around [ErrInvalidKey]
// when [CheckKey] refuses the key, and nil otherwise. The operations "keys"
// and "check" have no key, and ignore it.
func CheckCall(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return &Error{Op: op, Key: key, Err: err}
	}
	if op == "keys" || op == "check" {
		return nil
	}
	if err := CheckKey(key); err != nil {
		return &Error{Op: op, Key: key, Err: err}
	}
	return nil
}

// Attempt is for drivers that reach their store over a network: it calls send,
// which sends the requests of one operation, with a context that ends after
// limit, and returns an [*Error] for the error of send, or nil. The cause is
//
//   - the context's error, if ctx is done;
//   - [ErrUnavailable] with [context.DeadlineExceeded] and the error, if limit has passed;
//   - otherwise what meaning returns for the error, and the error itself with
//     [ErrRefused] and [ErrUnavailable].
func Attempt(ctx context.Context, op, key string, limit time.Duration, send func(context.Context) error, meaning func(error) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, limit, limitError(limit))
	defer cancel()
	err := send(limited)
	if err == nil {
		return nil
	}
	cause := ctx.Err()
	if cause == nil && limited.Err() != nil {
		cause, err = ErrUnavailable, fmt.Errorf("%w: %w", context.Cause(limited), err)
	} else if cause == nil {
		cause = meaning(err)
	}
	if errors.Is(cause, ErrUnavailable) || errors.Is(cause, ErrRefused) {
		cause = fmt.Errorf("%w: %w", cause, err)
	}
	return &Error{Op: op, Key: key, Err: cause}
}

// limitError is the error of a driver's own time limit. When the caller's context
// ends, the error is the context's.
type limitError time.Duration

func (e limitError) Error() string { return fmt.Sprintf("no answer in time: %v", time.Duration(e)) }

func (limitError) Unwrap() error { return context.DeadlineExceeded }

// SortedKeys is [Lister.Keys] for drivers that gather all keys first: it yields
// what gather returns in the order of the keys' bytes, until ctx is done. An
// error of gather is yielded as it is. If a key is listed twice, the error is
// [ErrUnavailable] and no key is yielded, because another may be missing.
func SortedKeys(ctx context.Context, gather func() ([]string, error)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var keys []string
		err := CheckCall(ctx, "keys", "")
		if err == nil {
			keys, err = gather()
		}
		slices.Sort(keys)
		for i := 1; i < len(keys) && err == nil; i++ {
			if keys[i] == keys[i-1] {
				err = &Error{Op: "keys", Err: fmt.Errorf("%w: the key %q is listed twice", ErrUnavailable, keys[i])}
			}
		}
		for _, key := range keys {
			if err == nil {
				err = CheckCall(ctx, "keys", "")
			}
			if err != nil || !yield(key, nil) {
				break
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

// CheckKey returns an error around [ErrInvalidKey] that says what is wrong
// with key, or nil: a key is 1 to [MaxKeyBytes] bytes of valid UTF-8 without
// control characters. No other character has a meaning, slashes and dots included;
// drivers keep all keys apart.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	case len(key) > MaxKeyBytes:
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrInvalidKey, len(key), MaxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: it is not valid UTF-8", ErrInvalidKey)
	}
	for i, r := range key {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return fmt.Errorf("%w: it has the control character %U at byte %d", ErrInvalidKey, r, i)
		}
	}
	return nil
}
