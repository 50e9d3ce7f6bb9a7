package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
)

const (
	documents = 30
	stride    = 3001 // every bit would take half an hour
)

func filled(t *testing.T, path string) {
	t.Helper()
	store, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range documents {
		if _, err := store.Create(t.Context(), fmt.Sprint(i), bytes.Repeat([]byte("x"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// damaged is a file of trees with branches, free pages, and a body of several
// pages, and what must be read from it.
type damaged struct {
	path   string
	whole  []byte
	bodies map[string]string
	last   uint64 // the latest version
}

func newDamaged(t *testing.T) *damaged {
	t.Helper()
	d := &damaged{path: filepath.Join(t.TempDir(), "documents.db"), bodies: map[string]string{}}
	s, err := boltstore.Open(d.path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, body string) storage.Version {
		version, err := s.Create(t.Context(), key, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		d.last = number(t, version)
		d.bodies[key] = body
		return version
	}
	for i := range 200 {
		put("list "+strconv.Itoa(i), strings.Repeat(strconv.Itoa(i), 20))
	}
	if err := s.Delete(t.Context(), "gone", put("gone", strings.Repeat("gone", 3000))); err != nil {
		t.Fatal(err)
	}
	delete(d.bodies, "gone")
	put("long", strings.Repeat("long", 3000))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d.whole, err = os.ReadFile(d.path); err != nil {
		t.Fatal(err)
	}
	return d
}

// open opens a file with the content.
func (d *damaged) open(t *testing.T, content []byte) (*boltstore.Store, error) {
	t.Helper()
	if err := os.WriteFile(d.path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return boltstore.Open(d.path)
}

func number(t *testing.T, version storage.Version) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(string(version), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// judge reports wrong answers of s, and returns how many calls failed.
func (d *damaged) judge(t *testing.T, s *boltstore.Store, what string, more ...string) (failed int) {
	t.Helper()
	check := func(key string, wrong bool, err error) {
		switch {
		case err == nil && wrong, errors.Is(err, storage.ErrNotFound), err != nil && !errors.Is(err, storage.ErrUnavailable):
			t.Errorf("%s: %s: got another body, or %v", what, key, err)
		case err != nil:
			failed++
		}
	}
	keys := slices.Sorted(maps.Keys(d.bodies))
	for _, key := range keys {
		doc, err := s.Get(t.Context(), key)
		check(key, string(doc.Body) != d.bodies[key], err)
	}
	if doc, err := s.Get(t.Context(), "gone"); err == nil {
		t.Errorf("%s: got a document that was deleted: %.20q", what, doc.Body)
	}
	var got []string
	var err error
	for key, fault := range s.Keys(t.Context()) {
		if err = fault; err == nil {
			got = append(got, key)
		}
	}
	check("Keys", !slices.Equal(got, slices.Sorted(slices.Values(append(keys, more...)))), err)
	return failed
}

// TestBitFlips: whatever bit of a file is flipped, no missing or wrong document, no
// state before the last commit and no used version is served, also after a write.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	d := newDamaged(t)
	refused, failed, flips := 0, 0, 0
	for bit := 0; bit < 8*len(d.whole); bit += stride {
		at, what := bit/8, fmt.Sprintf("bit %d of byte %d of page %d", bit%8, bit/8%4096, bit/8/4096)
		flips++
		d.whole[at] ^= 1 << (bit % 8)
		s, err := d.open(t, d.whole)
		d.whole[at] ^= 1 << (bit % 8)
		if err != nil {
			refused++
			continue
		}
		before := d.judge(t, s, what)
		version, err := s.Create(t.Context(), "new", []byte(strings.Repeat("new", 3000)))
		if err == nil {
			if number(t, version) <= d.last {
				t.Errorf("%s: version %s is used again", what, version)
			}
			d.judge(t, s, what+", then a write", "new")
		} else if !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s: Create: %v", what, err)
		}
		if before > 0 || err != nil {
			failed++
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", what, err)
		}
	}
	t.Logf("%d flips: %d files were refused, %d had calls that failed", flips, refused, failed)
	if refused == 0 || failed == 0 {
		t.Error("want some of both")
	}
}

// TestBitFlipsWhileOpen is TestBitFlips for damage that happens to meta and leaf
// pages while the file is open.
func TestBitFlipsWhileOpen(t *testing.T) {
	t.Parallel()
	d := newDamaged(t)
	s := open(t, d.path)
	file, err := os.OpenFile(d.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	failed, flips := 0, 0
	for bit := 0; bit < 8*len(d.whole); bit += stride {
		at := bit / 8
		if kind := binary.NativeEndian.Uint16(d.whole[at/4096*4096+8:]); at >= 2*4096 && kind != 2 {
			continue
		}
		flips++
		if _, err := file.WriteAt([]byte{d.whole[at] ^ 1<<(bit%8)}, int64(at)); err != nil {
			t.Fatal(err)
		}
		if d.judge(t, s, fmt.Sprintf("bit %d of byte %d of page %d", bit%8, at%4096, at/4096)) > 0 {
			failed++
		}
		if _, err := file.WriteAt(d.whole[at:at+1], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d flips: %d had calls that failed", flips, failed)
	if failed == 0 {
		t.Error("no flip was noticed")
	}
}

// TestDamagedPages: a file with a page of zeros is refused with the page's number,
// or that page is not in use.
func TestDamagedPages(t *testing.T) {
	t.Parallel()
	d := newDamaged(t)
	refused := 0
	for page := range len(d.whole) / 4096 {
		file := bytes.Clone(d.whole)
		clear(file[page*4096 : (page+1)*4096])
		s, err := d.open(t, file)
		if err == nil {
			d.judge(t, s, fmt.Sprintf("page %d", page))
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		refused++
		if want := fmt.Sprintf("page %d", page); page != 0 && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
	if refused == 0 {
		t.Error("no file was refused")
	}
}

// TestBucketNames: a file whose buckets have other names is refused.
func TestBucketNames(t *testing.T) {
	t.Parallel()
	d := newDamaged(t)
	for _, name := range []string{"documents", "checksums", "commit"} {
		flipped := append([]byte{name[0] ^ 0x80}, name[1:]...)
		if _, err := d.open(t, bytes.ReplaceAll(d.whole, []byte(name), flipped)); err == nil || !strings.Contains(err.Error(), "buckets") {
			t.Errorf("%s: got %v, want the file refused", name, err)
		}
	}
}

// TestOtherPrograms: a file that another program wrote last is accepted, and its
// documents are protected again.
func TestOtherPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	other := func(write func(*bbolt.Bucket) error) {
		t.Helper()
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("documents"))
			return errors.Join(err, write(b))
		}), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	put := func(b *bbolt.Bucket, key, body string) error {
		version, err := b.NextSequence()
		return errors.Join(err, b.Put([]byte(key), append(binary.BigEndian.AppendUint64(nil, version), body...)))
	}
	serves := func(want map[string]string) {
		t.Helper()
		s := open(t, path)
		defer s.Close()
		d := damaged{bodies: want}
		if failed := d.judge(t, s, "the file"); failed > 0 {
			t.Errorf("got %d failures, want none", failed)
		}
	}
	other(func(b *bbolt.Bucket) error { return errors.Join(put(b, "a", "1"), put(b, "b", "2")) })
	serves(map[string]string{"a": "1", "b": "2"})
	other(func(b *bbolt.Bucket) error {
		return errors.Join(put(b, "a", "3"), b.Delete([]byte("b")), put(b, "c", "4"))
	})
	serves(map[string]string{"a": "3", "c": "4"})
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The key and the value of "c", in the commit of the other program.
	file = bytes.ReplaceAll(file, binary.BigEndian.AppendUint64([]byte("c"), 4), binary.BigEndian.AppendUint64([]byte("d"), 4))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	for _, key := range []string{"c", "d"} {
		if _, err := s.Get(t.Context(), key); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: got %v, want the damage", key, err)
		}
		if _, err := s.Create(t.Context(), key, nil); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("Create of %s: got %v, want the damage", key, err)
		}
	}
	for _, err := range s.Keys(t.Context()) {
		if err != nil {
			return
		}
	}
	t.Error("Keys: got no error")
}

// A file that is cut off while it is open fails the reads that meet the gap, and
// does not end the process.
func TestFileCutOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.db")
	filled(t, path)
	store, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := os.Truncate(path, 2*4096); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range documents {
		if _, err := store.Get(t.Context(), fmt.Sprint(i)); errors.Is(err, storage.ErrUnavailable) {
			failed++
		} else if err != nil {
			t.Errorf("key %d: got %v, want the document or ErrUnavailable", i, err)
		}
	}
	if failed == 0 {
		t.Error("got every document of a file without its pages")
	}
}

func TestMovedAndEmptyFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.db")
	store, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	version, err := store.Create(t.Context(), "k", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if _, err := store.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Replace(t.Context(), "k", []byte("2"), version); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "moved") {
		t.Errorf("write to a moved file: got %v, want ErrUnavailable with the reason", err)
	}
	if err := store.Check(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("check: got %v, want ErrUnavailable", err)
	}

	// Another file in its place is another file all the same.
	filled(t, path)
	if err := store.Check(t.Context()); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "another file") {
		t.Errorf("check of a replaced file: got %v, want ErrUnavailable with the reason", err)
	}

	restored := filepath.Join(t.TempDir(), "restored.db")
	if err := os.WriteFile(restored, backup.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	copied, err := boltstore.Open(restored)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = copied.Close() })
	if doc, err := copied.Get(t.Context(), "k"); err != nil || string(doc.Body) != "1" {
		t.Errorf("backup: got %q, %v; want the document", doc.Body, err)
	}

	empty := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := boltstore.Open(empty); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty file: got %v, want it refused", err)
	}
}
