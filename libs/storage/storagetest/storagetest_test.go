package storagetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// broken is a store whose operations a test replaces.
type broken struct {
	*memstore.Store
	get          func(ctx context.Context, key string) (storage.Document, error)
	create       func(ctx context.Context, key string, body []byte) (storage.Version, error)
	replace      func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error)
	delete       func(ctx context.Context, key string, version storage.Version) error
	getIfChanged func(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error)
	keys         func(ctx context.Context) iter.Seq2[string, error]
	check        func(ctx context.Context) error
	sole         bool
	// away has the wrong errors of an unreachable store, by operation. refusal is the
	// wrong error of a store that refuses, which may store the refused body.
	away         map[string]error
	refusal      error
	keepsRefused bool
}

// goAway and startRefusing are functions of the harness.
func (b *broken) goAway() {
	answer := func(op, key string) error {
		err, wrong := b.away[op]
		if !wrong {
			err = storage.ErrUnavailable
		}
		if err == nil {
			return nil
		}
		return &storage.Error{Op: op, Key: key, Err: err}
	}
	b.get = func(_ context.Context, key string) (storage.Document, error) {
		return storage.Document{}, answer("get", key)
	}
	b.getIfChanged = func(_ context.Context, key string, _ storage.Version) (storage.Document, bool, error) {
		return storage.Document{}, false, answer("get", key)
	}
	b.create = func(_ context.Context, key string, _ []byte) (storage.Version, error) {
		return "", answer("create", key)
	}
	b.replace = func(_ context.Context, key string, _ []byte, _ storage.Version) (storage.Version, error) {
		return "", answer("replace", key)
	}
	b.delete = func(_ context.Context, key string, _ storage.Version) error { return answer("delete", key) }
	b.check = func(context.Context) error { return answer("check", "") }
	b.keys = func(context.Context) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			if err := answer("keys", ""); err != nil {
				yield("", err)
			}
		}
	}
}

func (b *broken) startRefusing() {
	refuse := func(op, key string) error {
		return &storage.Error{Op: op, Key: key, Err: cmp.Or(b.refusal, storage.ErrRefused)}
	}
	b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
		if b.keepsRefused {
			_, _ = b.Store.Create(ctx, key, body)
		}
		return "", refuse("create", key)
	}
	b.replace = func(_ context.Context, key string, _ []byte, _ storage.Version) (storage.Version, error) {
		return "", refuse("replace", key)
	}
}

func (b *broken) SoleOwner() bool { return b.sole }

func (b *broken) Get(ctx context.Context, key string) (storage.Document, error) {
	if b.get != nil {
		return b.get(ctx, key)
	}
	doc, err := b.Store.Get(ctx, key)
	runtime.Gosched() // lets writers meet, as a slower store would
	return doc, err
}

func (b *broken) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	if b.create != nil {
		return b.create(ctx, key, body)
	}
	return b.Store.Create(ctx, key, body)
}

func (b *broken) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	if b.replace != nil {
		return b.replace(ctx, key, body, version)
	}
	return b.Store.Replace(ctx, key, body, version)
}

func (b *broken) Delete(ctx context.Context, key string, version storage.Version) error {
	if b.delete != nil {
		return b.delete(ctx, key, version)
	}
	return b.Store.Delete(ctx, key, version)
}

func (b *broken) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	if b.getIfChanged != nil {
		return b.getIfChanged(ctx, key, known)
	}
	return b.Store.GetIfChanged(ctx, key, known)
}

func (b *broken) Keys(ctx context.Context) iter.Seq2[string, error] {
	if b.keys != nil {
		return b.keys(ctx)
	}
	return b.Store.Keys(ctx)
}

func (b *broken) Check(ctx context.Context) error {
	if b.check != nil {
		return b.check(ctx)
	}
	return b.Store.Check(ctx)
}

// faults are ways to break the contract, each under the case that must find
// it.
var faults = []struct {
	found   string
	fault   string
	violate func(b *broken)
}{
	{"MissingDocument", "an empty document in place of none", func(b *broken) {
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			if errors.Is(err, storage.ErrNotFound) {
				return storage.Document{}, nil
			}
			return doc, err
		}
	}},
	{"MissingDocument", "unavailable in place of missing", func(b *broken) {
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			if errors.Is(err, storage.ErrNotFound) {
				err = storage.ErrUnavailable
			}
			return doc, err
		}
	}},
	{"SecondSeesWrites", "reads a cache", func(b *broken) {
		var cached storage.Document
		b.get = func(ctx context.Context, key string) (doc storage.Document, err error) {
			if cached.Version == "" {
				cached, err = b.Store.Get(ctx, key)
			}
			return cached, err
		}
	}},
	{"CreateThenGet", "no version", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			_, err := b.Store.Create(ctx, key, body)
			return "", err
		}
	}},
	{"CreateThenGet", "another version on each read", func(b *broken) {
		n := 0
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			n++
			doc.Version += storage.Version(fmt.Sprint("-", n))
			return doc, err
		}
	}},
	{"CreateOverExisting", "create overwrites", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			if doc, err := b.Store.Get(ctx, key); err == nil {
				return b.Store.Replace(ctx, key, body, doc.Version)
			}
			return b.Store.Create(ctx, key, body)
		}
	}},
	{"CreateOverExisting", "create of the same body succeeds", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			if doc, err := b.Store.Get(ctx, key); err == nil && bytes.Equal(doc.Body, body) {
				return doc.Version, nil
			}
			return b.Store.Create(ctx, key, body)
		}
	}},
	{"ReplaceCurrent", "the same body is not written", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			if doc, err := b.Store.Get(ctx, key); err == nil && bytes.Equal(doc.Body, body) {
				return "unchanged", nil
			}
			return b.Store.Replace(ctx, key, body, version)
		}
	}},
	{"ReplaceStale", "the version is not compared", func(b *broken) { b.replace = b.blindReplace }},
	{"CounterRace", "the version is not compared", func(b *broken) { b.replace = b.blindReplace }},
	{"CounterRace", "compared and swapped in two steps", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			doc, err := b.Store.Get(ctx, key)
			if err != nil || doc.Version != version {
				return b.Store.Replace(ctx, key, body, version)
			}
			runtime.Gosched()
			return b.blindReplace(ctx, key, body, version)
		}
	}},
	{"CounterRace", "a conflict is answered with success", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			v, err := b.Store.Replace(ctx, key, body, version)
			if errors.Is(err, storage.ErrConflict) {
				return "1", nil
			}
			return v, err
		}
	}},
	{"CounterRace", "a landed write is answered with a conflict", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			if v, err := b.Store.Replace(ctx, key, body, version); err != nil || !bytes.HasPrefix(body, []byte("100 ")) {
				return v, err
			}
			return "", &storage.Error{Op: "replace", Key: key, Err: storage.ErrConflict}
		}
	}},
	{"CounterRace", "reads are cached", func(b *broken) {
		var mu sync.Mutex
		var reads int
		var old storage.Document
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			mu.Lock()
			defer mu.Unlock()
			switch reads++; {
			case reads == 1:
				old = doc
			case reads%100 == 0:
				return old, err
			}
			return doc, err
		}
	}},
	{"ReplaceMissing", "replace creates", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			if _, err := b.Store.Get(ctx, key); errors.Is(err, storage.ErrNotFound) {
				return b.Store.Create(ctx, key, body)
			}
			return b.Store.Replace(ctx, key, body, version)
		}
	}},
	{"ReplaceMissing", "not found in place of a conflict", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			if _, err := b.Store.Get(ctx, key); err != nil {
				return "", err
			}
			return b.Store.Replace(ctx, key, body, version)
		}
	}},
	{"ReplaceAtNoVersion", "no version is no condition", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			if version == "" {
				return b.blindReplace(ctx, key, body, version)
			}
			return b.Store.Replace(ctx, key, body, version)
		}
	}},
	{"ReplaceAtNoVersion", "any version is \"*\"", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			if version == "*" {
				return b.blindReplace(ctx, key, body, version)
			}
			return b.Store.Replace(ctx, key, body, version)
		}
	}},
	{"ReplaceAtNoVersion", "no version is no condition of a deletion", func(b *broken) {
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			if version == "" {
				version = "1"
			}
			return b.Store.Delete(ctx, key, version)
		}
	}},
	{"VersionsTellBodiesApart", "the version is the length", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			_, err := b.blindReplace(ctx, key, body, version)
			return storage.Version(strconv.Itoa(len(body))), err
		}
	}},
	{"Delete", "delete leaves an empty document", func(b *broken) {
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			_, err := b.Store.Replace(ctx, key, nil, version)
			return err
		}
	}},
	{"Delete", "delete does nothing", func(b *broken) {
		b.delete = func(context.Context, string, storage.Version) error { return nil }
	}},
	{"Delete", "a missing document is deleted with success", func(b *broken) {
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			if _, err := b.Store.Get(ctx, key); errors.Is(err, storage.ErrNotFound) {
				return nil
			}
			return b.Store.Delete(ctx, key, version)
		}
	}},
	{"DeleteStale", "the version of a deletion is not compared", func(b *broken) {
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			if doc, err := b.Store.Get(ctx, key); err == nil {
				version = doc.Version
			}
			return b.Store.Delete(ctx, key, version)
		}
	}},
	{"VersionsAfterDelete", "a document counts its own writes", func(b *broken) {
		var deleted storage.Version // "key" is created again as if it were this
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			deleted = version
			return b.Store.Delete(ctx, key, version)
		}
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			version, err := b.Store.Create(ctx, key, body)
			return cmp.Or(deleted, version), err
		}
	}},
	{"VersionsAfterDelete", "the version of a deleted document is valid again", func(b *broken) {
		deleted := make(map[storage.Version]bool)
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			err := b.Store.Delete(ctx, key, version)
			deleted[version] = err == nil
			return err
		}
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			if deleted[version] {
				return b.blindReplace(ctx, key, body, version)
			}
			return b.Store.Replace(ctx, key, body, version)
		}
	}},
	{"InvalidKeys", "any key", func(b *broken) {
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			return b.Store.Get(ctx, "x"+strings.Map(func(r rune) rune { return max(r, ' ') }, key[:min(len(key), 10)]))
		}
	}},
	{"HostileKeysKeptApart", "keys without case", func(b *broken) { b.mapKeys(strings.ToLower) }},
	{"HostileKeysKeptApart", "keys cleaned as paths", func(b *broken) {
		b.mapKeys(func(key string) string { return strings.ReplaceAll(key, "//", "/") })
	}},
	{"HostileKeysKeptApart", "keys cut off", func(b *broken) {
		b.mapKeys(func(key string) string { return key[:min(len(key), 255)] })
	}},
	{"HostileKeysKeptApart", "keys normalised", func(b *broken) {
		b.mapKeys(strings.NewReplacer("e\u0301", "é").Replace)
	}},
	{"BytesExact", "line ends converted", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			return b.Store.Create(ctx, key, bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")))
		}
	}},
	{"BytesExact", "bodies cut off", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			return b.Store.Create(ctx, key, body[:min(len(body), 1<<16)])
		}
	}},
	{"BytesExact", "long bodies cut off", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			return b.Store.Create(ctx, key, body[:min(len(body), 1<<20)])
		}
	}},
	{"BytesExact", "an empty body refused", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			if len(body) == 0 {
				return "", &storage.Error{Op: "create", Key: key, Err: storage.ErrUnavailable}
			}
			return b.Store.Create(ctx, key, body)
		}
	}},
	{"BodyNotRetained", "the caller's body is kept", func(b *broken) {
		bodies := make(map[string][]byte)
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			bodies[key] = body
			return b.Store.Create(ctx, key, body)
		}
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			doc.Body = bodies[key]
			return doc, err
		}
	}},
	{"BodyNotRetained", "two readers share a body", func(b *broken) {
		shared := make(map[storage.Version][]byte)
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			if body, ok := shared[doc.Version]; ok {
				doc.Body = body
			}
			shared[doc.Version] = doc.Body
			return doc, err
		}
	}},
	{"BodyNotRetained", "all reads share a buffer", func(b *broken) {
		buffer := make([]byte, 0, 1<<10)
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			doc.Body = append(buffer[:0], doc.Body...)
			return doc, err
		}
	}},
	{"BodyNotRetained", "two conditional readers share a body", func(b *broken) {
		bodies := make(map[storage.Version][]byte)
		b.getIfChanged = func(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
			doc, changed, err := b.Store.GetIfChanged(ctx, key, known)
			if bodies[doc.Version] == nil {
				bodies[doc.Version] = doc.Body
			}
			doc.Body = bodies[doc.Version]
			return doc, changed, err
		}
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, _, err := b.getIfChanged(ctx, key, "")
			doc.Body = slices.Clone(doc.Body)
			return doc, err
		}
	}},
	{"BodyNotRetained", "the caller's body is changed", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			version, err := b.Store.Create(ctx, key, body)
			clear(body)
			return version, err
		}
	}},
	{"ErrorsCarryOperationAndKey", "a bare sentinel", func(b *broken) {
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			if errors.Is(err, storage.ErrNotFound) {
				err = storage.ErrNotFound
			}
			return doc, err
		}
	}},
	{"ErrorsCarryOperationAndKey", "another operation's name", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			v, err := b.Store.Replace(ctx, key, body, version)
			if err != nil {
				err = &storage.Error{Op: "put", Key: key, Err: err}
			}
			return v, err
		}
	}},
	{"ErrorsCarryOperationAndKey", "a check that is called a read", func(b *broken) {
		b.check = func(ctx context.Context) error {
			_, err := b.Store.Get(ctx, "check")
			return err
		}
	}},
	{"ContextDone", "the context ignored", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			return b.Store.Create(context.WithoutCancel(ctx), key, body)
		}
	}},
	{"ContextDone", "unavailable in place of cancelled", func(b *broken) {
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			if ctx.Err() != nil {
				return storage.Document{}, &storage.Error{Op: "get", Key: key, Err: storage.ErrUnavailable}
			}
			return b.Store.Get(ctx, key)
		}
	}},
	{"ContextDone", "a cancelled write that lands", func(b *broken) {
		b.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
			v, err := b.Store.Replace(context.WithoutCancel(ctx), key, body, version)
			if ctx.Err() != nil {
				err = &storage.Error{Op: "replace", Key: key, Err: ctx.Err()}
			}
			return v, err
		}
	}},
	{"ConcurrentCreate", "looked and created in two steps", func(b *broken) {
		b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
			if _, err := b.Store.Get(ctx, key); err == nil {
				return b.Store.Create(ctx, key, body)
			}
			runtime.Gosched()
			version, err := b.Store.Create(ctx, key, body)
			if errors.Is(err, storage.ErrConflict) {
				return b.blindReplace(ctx, key, body, "")
			}
			return version, err
		}
	}},
	{"ConcurrentDelete", "compared and deleted in two steps", func(b *broken) {
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			found, err := b.Store.Get(ctx, key)
			if err != nil || found.Version != version {
				return b.Store.Delete(ctx, key, version)
			}
			for range 100 {
				runtime.Gosched()
			}
			if later, err := b.Store.Get(ctx, key); err == nil {
				found = later
			}
			return b.Store.Delete(ctx, key, found.Version)
		}
	}},
	{"CounterRace", "body and version read in two steps", func(b *broken) {
		b.get = func(ctx context.Context, key string) (storage.Document, error) {
			doc, err := b.Store.Get(ctx, key)
			runtime.Gosched()
			if later, err := b.Store.Get(ctx, key); err == nil {
				doc.Version = later.Version
			}
			return doc, err
		}
	}},
	{"GetIfChanged", "always changed", func(b *broken) {
		b.getIfChanged = func(ctx context.Context, key string, _ storage.Version) (storage.Document, bool, error) {
			doc, err := b.Store.Get(ctx, key)
			return doc, err == nil, err
		}
	}},
	{"GetIfChanged", "never changed", func(b *broken) {
		b.getIfChanged = func(ctx context.Context, key string, _ storage.Version) (storage.Document, bool, error) {
			_, err := b.Store.Get(ctx, key)
			return storage.Document{}, false, err
		}
	}},
	{"GetIfChanged", "a missing document is unchanged", func(b *broken) {
		b.getIfChanged = func(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
			doc, changed, err := b.Store.GetIfChanged(ctx, key, known)
			if errors.Is(err, storage.ErrNotFound) {
				err = nil
			}
			return doc, changed, err
		}
	}},
	{"Keys", "in no order", func(b *broken) {
		b.mapListing(func(keys []string) []string { slices.Reverse(keys); return keys })
	}},
	{"Keys", "one too few", func(b *broken) {
		b.mapListing(func(keys []string) []string { return keys[:max(len(keys)-1, 0)] })
	}},
	{"Keys", "one twice", func(b *broken) {
		b.mapListing(func(keys []string) []string { return append(keys, keys[max(len(keys)-1, 0):]...) })
	}},
	{"ManyKeys", "one page", func(b *broken) {
		b.mapListing(func(keys []string) []string { return keys[:min(len(keys), 1000)] })
	}},
	{"ManyKeys", "pages by number", func(b *broken) {
		b.keys = func(ctx context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for at := 0; ; at += 100 {
					keys := b.listed(ctx)
					keys = keys[min(at, len(keys)):]
					for _, key := range keys[:min(100, len(keys))] {
						if !yield(key, nil) {
							return
						}
					}
					if len(keys) <= 100 {
						return
					}
				}
			}
		}
	}},
	{"ManyKeys", "writes wait for the end of a listing", func(b *broken) {
		var listing sync.RWMutex
		b.keys = func(ctx context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				listing.Lock()
				defer listing.Unlock()
				for _, key := range b.listed(ctx) {
					if !yield(key, nil) {
						return
					}
				}
			}
		}
		b.delete = func(ctx context.Context, key string, version storage.Version) error {
			for !listing.TryRLock() {
				if ctx.Err() != nil {
					return &storage.Error{Op: "delete", Key: key, Err: ctx.Err()}
				}
				runtime.Gosched()
			}
			defer listing.RUnlock()
			return b.Store.Delete(ctx, key, version)
		}
	}},
	{"ManyKeys", "a cancelled listing looks like a whole one", func(b *broken) {
		b.keys = func(ctx context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for _, key := range b.listed(ctx) {
					if ctx.Err() != nil || !yield(key, nil) {
						return
					}
				}
			}
		}
	}},
	{"Away", "nothing is found", func(b *broken) { b.away = map[string]error{"get": storage.ErrNotFound} }},
	{"Away", "a conflict is answered", func(b *broken) { b.away = map[string]error{"replace": storage.ErrConflict} }},
	{"Away", "the check succeeds", func(b *broken) { b.away = map[string]error{"check": nil} }},
	{"Away", "no keys are listed", func(b *broken) { b.away = map[string]error{"keys": nil} }},
	{"Refuses", "a full disk is called an outage", func(b *broken) { b.refusal = storage.ErrUnavailable }},
	{"Refuses", "a full disk is called an outage, too", func(b *broken) {
		b.refusal = fmt.Errorf("%w: %w", storage.ErrRefused, storage.ErrUnavailable)
	}},
	{"Refuses", "what was refused is kept", func(b *broken) { b.keepsRefused = true }},
	{"Check", "always away", func(b *broken) {
		b.check = func(context.Context) error { return &storage.Error{Op: "check", Err: storage.ErrUnavailable} }
	}},
	{"Check", "leaves a document", func(b *broken) {
		b.check = func(ctx context.Context) error {
			_, err := b.Store.Create(ctx, "check", nil)
			return err
		}
	}},
}

func (b *broken) blindReplace(ctx context.Context, key string, body []byte, _ storage.Version) (storage.Version, error) {
	for {
		doc, err := b.Store.Get(ctx, key)
		if err != nil {
			return "", err
		}
		version, err := b.Store.Replace(ctx, key, body, doc.Version)
		if !errors.Is(err, storage.ErrConflict) {
			return version, err
		}
	}
}

func (b *broken) mapKeys(f func(string) string) {
	s := b.Store
	b.get = func(ctx context.Context, key string) (storage.Document, error) { return s.Get(ctx, f(key)) }
	b.create = func(ctx context.Context, key string, body []byte) (storage.Version, error) {
		return s.Create(ctx, f(key), body)
	}
}

func (b *broken) mapListing(f func([]string) []string) {
	b.keys = func(ctx context.Context) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, key := range f(b.listed(ctx)) {
				if !yield(key, nil) {
					return
				}
			}
		}
	}
}

// listed returns all keys.
func (b *broken) listed(ctx context.Context) (keys []string) {
	for key := range b.Store.Keys(context.WithoutCancel(ctx)) {
		keys = append(keys, key)
	}
	return keys
}

// recorder is a testing.TB that fails on its own account.
type recorder struct {
	testing.TB
	mu      sync.Mutex
	reports []string
	failed  bool
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// record runs one case and returns what it reported.
func record(t *testing.T, c testCase, h Harness) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(r, h.withDefaults())
	}()
	<-done
	return r
}

// TestFaultsAreFound: the suite turns red for every store that breaks the
// contract, in the case that is about that.
func TestFaultsAreFound(t *testing.T) {
	for _, f := range faults {
		t.Run(f.found+"/"+f.fault, func(t *testing.T) {
			i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == f.found })
			if i < 0 {
				t.Fatalf("there is no case %s", f.found)
			}
			h := Harness{
				Writers: 8, Increments: 50, hangs: 10 * time.Millisecond,
				Open: func(testing.TB) storage.Store {
					b := &broken{Store: memstore.New()}
					f.violate(b)
					return b
				},
				Away:   func(_ testing.TB, s storage.Store) { s.(*broken).goAway() },
				Refuse: func(_ testing.TB, s storage.Store) { s.(*broken).startRefusing() },
			}
			if r := record(t, cases[i], h); !r.Failed() {
				t.Error("got no failure, want one")
			} else {
				t.Log(r.reports[0])
			}
		})
	}
}

// TestNoFaultIsFound: the suite passes the store that the faults are added to.
func TestNoFaultIsFound(t *testing.T) {
	Run(t, Harness{
		Name: "a store without faults", Writers: 8, Increments: 50,
		Open:   func(testing.TB) storage.Store { return &broken{Store: memstore.New()} },
		Second: func(_ testing.TB, s storage.Store) storage.Store { return &broken{Store: s.(*broken).Store} },
		Away:   func(_ testing.TB, s storage.Store) { s.(*broken).goAway() },
		Refuse: func(_ testing.TB, s storage.Store) { s.(*broken).startRefusing() },
	})
}

// TestEveryCaseFindsAFault: no case is there that nothing could fail.
func TestEveryCaseFindsAFault(t *testing.T) {
	for _, c := range cases {
		if c.name == "SurvivesReopen" {
			continue // below
		}
		found := false
		for _, f := range faults {
			found = found || f.found == c.name
		}
		if !found {
			t.Errorf("case %s: no store is broken for it", c.name)
		}
	}
}

func TestReopenWithoutDocumentsIsFound(t *testing.T) {
	c := cases[slices.IndexFunc(cases, func(c testCase) bool { return c.name == "SurvivesReopen" })]
	empty := func(testing.TB) storage.Store { return memstore.New() }
	r := record(t, c, Harness{Open: empty, Reopen: func(testing.TB, storage.Store) storage.Store { return memstore.New() }})
	if !r.Failed() {
		t.Error("documents lost: got no failure, want one")
	}
	r = record(t, c, Harness{Open: empty, Reopen: func(_ testing.TB, s storage.Store) storage.Store { return s }})
	if r.Failed() {
		t.Errorf("documents kept: got %q, want no failure", r.reports)
	}
}

// TestSecondHandleIsUsed: what only one of two handles sees is found.
func TestSecondHandleIsUsed(t *testing.T) {
	h := Harness{
		Writers: 4, Increments: 10,
		Open:   func(testing.TB) storage.Store { return memstore.New() },
		Second: func(testing.TB, storage.Store) storage.Store { return memstore.New() },
	}
	for _, name := range []string{"ConcurrentCreate", "CounterRace"} {
		if r := record(t, cases[slices.IndexFunc(cases, func(c testCase) bool { return c.name == name })], h); !r.Failed() {
			t.Errorf("%s with two handles on different stores: got no failure, want one", name)
		}
	}
}

// TestNoDelete: a harness may say that its server cannot delete, but not hide
// a deletion that works or does harm.
func TestNoDelete(t *testing.T) {
	run := func(b func(*broken)) (failed []string) {
		for _, c := range cases {
			r := record(t, c, Harness{Writers: 2, Increments: 2, NoDelete: "it cannot", Open: func(testing.TB) storage.Store {
				s := &broken{Store: memstore.New()}
				b(s)
				return s
			}})
			if r.Failed() {
				failed = append(failed, c.name)
			}
		}
		return failed
	}
	refuse := func(b *broken) {
		b.delete = func(ctx context.Context, key string, _ storage.Version) error {
			if err := storage.CheckCall(ctx, "delete", key); err != nil {
				return err
			}
			return &storage.Error{Op: "delete", Key: key, Err: storage.ErrRefused}
		}
	}
	if failed := run(refuse); len(failed) > 0 {
		t.Errorf("a store that refuses to delete: got failures of %q, want none", failed)
	}
	if failed := run(func(*broken) {}); !slices.Contains(failed, "Delete") {
		t.Errorf("a store that does delete: got failures of %q, want Delete", failed)
	}
}

// TestStaleSecond: the suite finds a second handle with one method that reads
// old documents, as from a replica.
func TestStaleSecond(t *testing.T) {
	for name, lag := range map[string]func(second *broken){
		"":                            func(*broken) {},
		"claim to be the only writer": func(second *broken) { second.sole = true },
		"Get": func(second *broken) {
			var cached storage.Document
			second.get = func(ctx context.Context, key string) (doc storage.Document, err error) {
				if cached.Version == "" {
					cached, err = second.Store.Get(ctx, key)
				}
				return cached, err
			}
		},
		"Get, of a deletion": func(second *broken) {
			var cached storage.Document
			second.get = func(ctx context.Context, key string) (storage.Document, error) {
				doc, err := second.Store.Get(ctx, key)
				if err != nil && cached.Version != "" {
					return cached, nil
				}
				cached = doc
				return doc, err
			}
		},
		"GetIfChanged": func(second *broken) {
			var latest storage.Version
			second.getIfChanged = func(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
				if known != "" && known == latest {
					return storage.Document{}, false, nil
				}
				doc, changed, err := second.Store.GetIfChanged(ctx, key, known)
				latest = doc.Version
				return doc, changed, err
			}
		},
		"Get, of another's write after its own": func(second *broken) {
			var cached storage.Document
			second.replace = func(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
				version, err := second.Store.Replace(ctx, key, body, version)
				cached = storage.Document{Body: slices.Clone(body), Version: version}
				return version, err
			}
			second.get = func(ctx context.Context, key string) (storage.Document, error) {
				if cached.Version != "" {
					return cached, nil
				}
				return second.Store.Get(ctx, key)
			}
		},
		"Keys": func(second *broken) {
			var cached []string
			second.keys = func(ctx context.Context) iter.Seq2[string, error] {
				return storage.SortedKeys(ctx, func() ([]string, error) {
					for key := range second.Store.Keys(ctx) {
						cached = append(cached, key)
					}
					return slices.Compact(slices.Sorted(slices.Values(cached))), nil
				})
			}
		},
	} {
		r := record(t, testCase{"SecondSeesWrites", secondSeesWrites}, Harness{
			Open: func(testing.TB) storage.Store { return &broken{Store: memstore.New()} },
			Second: func(_ testing.TB, first storage.Store) storage.Store {
				second := &broken{Store: first.(*broken).Store}
				lag(second)
				return second
			},
		})
		if r.Failed() != (name != "") {
			t.Errorf("with a %s that lags: got failed %t", name, r.Failed())
		}
	}
}
