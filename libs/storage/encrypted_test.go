package storage_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

// secret writes a file with a secret of 32 times b.
func secret(tb testing.TB, b byte) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "secret")
	text := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

func mustEncrypt(tb testing.TB, store storage.Store, file string, older ...string) *encrypted {
	tb.Helper()
	s, err := encrypt(store, file, older...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestEncryptedConformance: the wrapper of the example is a store, also around
// one without optional interfaces.
func TestEncryptedConformance(t *testing.T) {
	for name, wrap := range map[string]func(*memstore.Store) storage.Store{
		"memory":      func(s *memstore.Store) storage.Store { return s },
		"bare memory": func(s *memstore.Store) storage.Store { return listing{struct{ storage.Store }{s}, s} },
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, storagetest.Harness{
				Name: "encrypted " + name,
				Open: func(tb testing.TB) storage.Store { return mustEncrypt(tb, wrap(memstore.New()), secret(tb, 1)) },
			})
		})
	}
}

type listing struct {
	storage.Store
	storage.Lister
}

// TestEncryptedCheck: the check of the store, which may refuse its server, is the
// wrapper's.
func TestEncryptedCheck(t *testing.T) {
	faulty := faultstore.New(memstore.New(), faultstore.Script("check", faultstore.Fault{Kind: faultstore.Refused}))
	if err := storage.Check(t.Context(), mustEncrypt(t, faulty, secret(t, 1))); !errors.Is(err, storage.ErrRefused) {
		t.Errorf("got %v, want %v", err, storage.ErrRefused)
	}
}

// TestEncryptedSoleOwner: others may write to the wrapper's store if they may to
// the store below.
func TestEncryptedSoleOwner(t *testing.T) {
	if !mustEncrypt(t, memstore.New(), secret(t, 1)).SoleOwner() {
		t.Error("memory: got false, want true")
	}
	if mustEncrypt(t, shared{memstore.New()}, secret(t, 1)).SoleOwner() {
		t.Error("a shared store: got true, want false")
	}
}

type shared struct{ storage.Store }

func (shared) SoleOwner() bool { return false }

// TestEncryptedRefusals: what was not written under this secret and this key is
// refused, and no part of it is shown.
func TestEncryptedRefusals(t *testing.T) {
	ctx, plain := t.Context(), memstore.New()
	first := secret(t, 1)
	if _, err := mustEncrypt(t, plain, first).Create(ctx, "a", []byte("body")); err != nil {
		t.Fatal(err)
	}
	sealed, err := plain.Get(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	for key, body := range map[string][]byte{"moved": sealed.Body, "short": {1}, "empty": nil, "clear": []byte("a body in the clear, of more than 28 bytes")} {
		if _, err := plain.Create(ctx, key, body); err != nil {
			t.Fatal(err)
		}
	}
	for i := range sealed.Body {
		body := bytes.Clone(sealed.Body)
		body[i] ^= 1
		if sealed.Version, err = plain.Replace(ctx, "a", body, sealed.Version); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, mustEncrypt(t, plain, first), "a")
	}
	if _, err := plain.Replace(ctx, "a", sealed.Body, sealed.Version); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"moved", "short", "empty", "clear"} {
		wantRefused(t, mustEncrypt(t, plain, first), key)
	}
	second := secret(t, 2)
	wantRefused(t, mustEncrypt(t, plain, second), "a")
	if doc, err := mustEncrypt(t, plain, second, first).Get(ctx, "a"); err != nil || string(doc.Body) != "body" {
		t.Errorf("with the older secret: got %q, %v", doc.Body, err)
	}
	if _, err := mustEncrypt(t, plain, second, first).Create(ctx, "new", []byte("body")); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, mustEncrypt(t, plain, first), "new") // nothing is written under an older secret
	if doc, err := mustEncrypt(t, plain, second).Get(ctx, "new"); err != nil || string(doc.Body) != "body" {
		t.Errorf("with the new secret alone: got %q, %v", doc.Body, err)
	}
}

func wantRefused(t *testing.T, s *encrypted, key string) {
	t.Helper()
	for op, get := range map[string]func() (storage.Document, error){
		"Get": func() (storage.Document, error) { return s.Get(t.Context(), key) },
		"GetIfChanged": func() (storage.Document, error) {
			doc, changed, err := s.GetIfChanged(t.Context(), key, "other")
			if changed {
				t.Errorf("GetIfChanged of %q: got changed with %v", key, err)
			}
			return doc, err
		},
	} {
		var detailed *storage.Error
		doc, err := get()
		if !errors.Is(err, storage.ErrRefused) || !errors.As(err, &detailed) || detailed.Key != key || doc.Body != nil {
			t.Errorf("%s of %q: got %q, %v, want %v", op, key, doc.Body, err, storage.ErrRefused)
		}
	}
}

// TestEncryptedSecretFile: a bad file is named, with what was expected, and what
// it holds is not repeated.
func TestEncryptedSecretFile(t *testing.T) {
	for _, text := range []string{"", "hunter2", base64.StdEncoding.EncodeToString([]byte("hunter2"))} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := encrypt(memstore.New(), file)
		if err == nil || !strings.Contains(err.Error(), file+": expected 32 bytes in base64") || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := encrypt(memstore.New(), "no such file"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}
