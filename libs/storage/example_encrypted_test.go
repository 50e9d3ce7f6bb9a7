package storage_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"iter"
	"os"
	"slices"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// encrypted keeps bodies under AES-256-GCM in any store. Keys and versions are
// the store's own, so that conditional reads and writes work as before; keys
// are not secret. A body is bound to its document's key: it cannot be moved to
// another one. An old body that was put back under its own key is not noticed.
// Nonces are random: change the secret before 2^32 writes.
type encrypted struct {
	storage.Store
	aeads []cipher.AEAD // the first one encrypts, each may decrypt
}

// encrypt returns store with bodies under the secret in a file, 32 bytes in
// base64. The older ones are for what was written before the secret was changed.
func encrypt(store storage.Store, file string, older ...string) (*encrypted, error) {
	s := &encrypted{Store: store}
	for _, file := range append([]string{file}, older...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		secret, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
		if err != nil || len(secret) != 32 {
			return nil, fmt.Errorf("%s: expected 32 bytes in base64, as openssl rand -base64 32 prints them", file)
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		s.aeads = append(s.aeads, aead)
	}
	return s, nil
}

func (s *encrypted) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.Store.Create(ctx, key, s.seal(key, body))
}

func (s *encrypted) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	return s.Store.Replace(ctx, key, s.seal(key, body), version)
}

func (s *encrypted) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, err := s.Store.Get(ctx, key)
	if err != nil {
		return storage.Document{}, err
	}
	return s.open(key, doc)
}

// GetIfChanged decrypts only what changed.
func (s *encrypted) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	doc, changed, err := storage.GetIfChanged(ctx, s.Store, key, known)
	if err == nil && changed {
		doc, err = s.open(key, doc)
	}
	return doc, changed && err == nil, err
}

func (s *encrypted) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.Keys(ctx, s.Store)
}

func (s *encrypted) Check(ctx context.Context) error { return storage.Check(ctx, s.Store) }

func (s *encrypted) SoleOwner() bool {
	owner, ok := s.Store.(storage.SoleOwner)
	return ok && owner.SoleOwner()
}

func (s *encrypted) seal(key string, body []byte) []byte {
	return s.aeads[0].Seal(nil, nil, body, []byte(key))
}

func (s *encrypted) open(key string, doc storage.Document) (storage.Document, error) {
	for _, aead := range s.aeads {
		if body, err := aead.Open(nil, nil, doc.Body, []byte(key)); err == nil {
			return storage.Document{Body: body, Version: doc.Version}, nil
		}
	}
	err := fmt.Errorf("%w: the body was changed, moved, or written under another secret", storage.ErrRefused)
	return storage.Document{}, &storage.Error{Op: "get", Key: key, Err: err}
}

// A store whose bodies are encrypted, and a ledger on it. The file of this example is the whole wrapper, and the
// conformance suite runs on it.
func Example_encrypted() {
	file, err := os.CreateTemp("", "secret")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(file.Name())
	fmt.Fprintln(file, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=") // openssl rand -base64 32
	if err := file.Close(); err != nil {
		fmt.Println(err)
		return
	}

	plain := memstore.New() // or s3store, diskstore, ...
	store, err := encrypt(plain, file.Name())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	diary := ledger.New(store, ledger.Options[[]string]{})
	defer diary.Close(ctx)
	for _, line := range []string{"rain", "sun"} {
		doc, err := ledger.Do(ctx, diary, "2026", func(lines []string) ([]string, error) {
			return append(slices.Clip(lines), line), nil // lines itself is not changed
		})
		fmt.Println(doc, err)
	}
	doc, err := plain.Get(ctx, "2026")
	fmt.Println("stored in the clear:", bytes.Contains(doc.Body, []byte("rain")), err)
	// Output:
	// [rain] <nil>
	// [rain sun] <nil>
	// stored in the clear: false <nil>
}
