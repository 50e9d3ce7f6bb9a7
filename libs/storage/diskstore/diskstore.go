// Package diskstore keeps documents as files in one folder, each write
// durable before it is acknowledged.
//
// # Writes
//
// A body goes to a temporary file, which is synced and renamed over the
// document's file, and then the folder is synced. A crash or a power cut at
// any moment leaves the old body or the new one, and the new one once the
// write was acknowledged. A failed sync is never repeated, because the kernel
// may have dropped the pages that it could not write and then report success
// (https://wiki.postgresql.org/wiki/Fsync_Errors): the write fails with
// [storage.ErrUnavailable], and with [storage.ErrNotDurable] if it was the
// directory's sync that failed: the file then has its new name, and a power
// cut may take that back. A full or read-only disk, a quota, a missing
// permission and a file that is too large are [storage.ErrRefused]: the
// temporary file could not be written, so nothing was changed.
//
// # One process
//
// An open store holds a lock (flock) on the folder's .lock file, so that no
// other process can open it; the lock ends with the process. Therefore
// [Store.SoleOwner] is true. Files must not be put into the folder or taken
// away while a store has it open.
//
// # File names
//
// The document under a key is KEY.json, bytes of the key outside [a-z0-9_-]
// written as ~ and two lower-case hexadecimal digits: the key "São" is
// "~53~c3~a3o.json". When that is more than 200 bytes the name is ~~ and the
// SHA-256 of the key, and the key itself is kept beside it in a file of the
// same name with the suffix .key, which is durable before the document is.
// Temporary files are .tmp-N; those that a crash left are removed by [Open].
//
// # The predecessor's files
//
// A folder of raw names ("Casa.json", "São João 2020.json") is read in place.
// The first Replace of such a document writes the encoded file, which from
// then on hides the raw one; that stays as it was. Delete removes both, the
// raw one first, so that a deleted document never shows an older body again.
// Names are matched byte for byte against the folder's listing. Where the
// file system ignores case a raw "Casa.json" would stand in the way of the
// key "casa", so there [Open] renames raw files to their encoded names. A raw
// name that looks encoded ("~7e.json") is taken to be so.
//
// # Versions
//
// A version is the SHA-256 of the body: it survives a restart and costs no
// file of its own. As with an S3 ETag, writing a body back (A, B, A) brings
// its version back, too. Who must notice that puts a number or a nonce into
// the body.
package diskstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"iter"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/internal/durable"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// Store is a [storage.Store] in a folder. Writes to one key take turns; those
// to different keys run at once.
type Store struct {
	folder folder
	temps  atomic.Uint64

	seed  maphash.Seed
	locks [1024]sync.RWMutex // by hash of the key

	rawMu sync.Mutex
	raw   map[string]bool // keys that have a file of their raw name

	life   sync.RWMutex // held for reading by every call, for writing by Close
	closed bool
}

var (
	_ storage.Store     = (*Store)(nil)
	_ storage.Lister    = (*Store)(nil)
	_ storage.Checker   = (*Store)(nil)
	_ storage.SoleOwner = (*Store)(nil)
)

var errClosed = errors.New("it was closed")

// Open opens the folder at path, which it creates when there is none. It
// returns an error around [storage.ErrUnavailable] that names the folder when
// it cannot be created, read or written to, or when another process, named by
// its number where known, has it open. Close releases the folder.
func Open(path string) (*Store, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, openError(path, err)
	}
	dir, err := openFolder(absolute)
	if err != nil {
		return nil, openError(absolute, err)
	}
	s, err := newStore(dir)
	if err != nil {
		return nil, openError(absolute, errors.Join(err, dir.Close()))
	}
	return s, nil
}

func openError(path string, err error) error {
	return &storage.Error{Op: "open", Err: fmt.Errorf("%w: folder %s: %w", storage.ErrUnavailable, path, err)}
}

// OpenURL opens the folder of a URL such as file:///var/lib/todo or
// file://./data. It is a [storageurl.Opener] and takes no parameters.
func OpenURL(_ context.Context, u *url.URL) (storage.Store, error) {
	path, err := storageurl.FilePath(u)
	if err != nil {
		return nil, err
	}
	if _, err := storageurl.Parameters(u); err != nil {
		return nil, err
	}
	return Open(path)
}

// newStore takes a folder that is locked, clears away what a crash left in
// it, and finds the files that carry raw names.
func newStore(dir folder) (*Store, error) {
	s := &Store{folder: dir, seed: maphash.MakeSeed(), raw: make(map[string]bool)}
	names, err := dir.Names()
	if err != nil {
		return nil, err
	}
	present := make(map[string]bool, len(names))
	for _, name := range names {
		present[name] = true
	}
	for _, name := range names {
		number, isTemp := strings.CutPrefix(name, tempPrefix)
		isTemp = isTemp && strings.Trim(number, "0123456789") == ""
		owner, isKey := strings.CutSuffix(name, longKeySuffix)
		if isTemp || isKey && isLong(owner) && !present[owner+documentSuffix] {
			if err := dir.Remove(name); err != nil {
				return nil, err
			}
		}
	}
	ignoresCase := dir.IgnoresCase()
	for _, name := range names {
		key, isDocument := strings.CutSuffix(name, documentSuffix)
		_, ours := decode(key)
		switch {
		case !isDocument, isLong(key), ours && len(key) <= maxEncoded, storage.CheckKey(key) != nil:
		case ignoresCase:
			if err := s.takeOver(key, present); err != nil {
				return nil, err
			}
		default:
			s.raw[key] = true
		}
	}
	return s, nil
}

const tempPrefix = ".tmp-"

// takeOver gives the file of a raw name its encoded one, or, when a newer
// document has that, a name that is nobody's.
func (s *Store) takeOver(key string, present map[string]bool) error {
	name, long := fileName(key)
	to := name + documentSuffix
	if present[to] {
		return s.folder.Rename(key+documentSuffix, to+".shadowed")
	}
	if long {
		if err := s.keepKey(name, key); err != nil {
			return err
		}
	}
	return s.folder.Rename(key+documentSuffix, to)
}

// Close waits for calls under way and releases the folder. Later calls fail
// with [storage.ErrUnavailable]; a second Close does nothing.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.folder.Close()
}

// enter begins a call and returns what ends it.
func (s *Store) enter(ctx context.Context, op, key string) (leave func(), err error) {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return nil, err
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return nil, unavailable(op, key, errClosed)
	}
	return s.life.RUnlock, nil
}

func (s *Store) lock(key string) *sync.RWMutex {
	return &s.locks[maphash.String(s.seed, key)%uint64(len(s.locks))]
}

// Get implements [storage.Store]. It waits for a write of the key that is
// under way, so that it never shows what a power cut could still take back.
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	leave, err := s.enter(ctx, "get", key)
	if err != nil {
		return storage.Document{}, err
	}
	defer leave()
	lock := s.lock(key)
	lock.RLock()
	defer lock.RUnlock()
	name, _ := fileName(key)
	body, _, err := s.read(key, name)
	if err != nil {
		return storage.Document{}, readError("get", key, err)
	}
	return storage.Document{Body: body, Version: version(body)}, nil
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.write(ctx, "create", key, body, func(name string) error {
		_, _, err := s.read(key, name)
		switch {
		case err == nil:
			return storage.ErrConflict
		case errors.Is(err, storage.ErrNotFound):
			return nil
		}
		return err
	})
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, at storage.Version) (storage.Version, error) {
	return s.write(ctx, "replace", key, body, func(name string) error {
		_, err := s.expect(key, name, at)
		return err
	})
}

// write stores body when allowed, which is asked while the key is locked,
// returns nil.
func (s *Store) write(ctx context.Context, op, key string, body []byte, allowed func(name string) error) (storage.Version, error) {
	leave, err := s.enter(ctx, op, key)
	if err != nil {
		return "", err
	}
	defer leave()
	lock := s.lock(key)
	lock.Lock()
	defer lock.Unlock()
	if err := ctx.Err(); err != nil {
		return "", &storage.Error{Op: op, Key: key, Err: err}
	}
	name, long := fileName(key)
	if err := allowed(name); err != nil {
		return "", readError(op, key, err)
	}
	if long && op == "create" || long && s.isRaw(key) {
		// The document is as it was, whether or not the name lasts.
		if err := s.keepKey(name, key); err != nil {
			return "", failed(op, key, err)
		}
	}
	if err := s.writeFile(name+documentSuffix, body); err != nil {
		return "", failed(op, key, err)
	}
	if err := s.folder.Sync(); err != nil {
		return "", notDurable(op, key, err)
	}
	return version(body), nil
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, at storage.Version) error {
	leave, err := s.enter(ctx, "delete", key)
	if err != nil {
		return err
	}
	defer leave()
	lock := s.lock(key)
	lock.Lock()
	defer lock.Unlock()
	if err := ctx.Err(); err != nil {
		return &storage.Error{Op: "delete", Key: key, Err: err}
	}
	name, long := fileName(key)
	current, err := s.expect(key, name, at)
	if err != nil {
		return readError("delete", key, err)
	}
	if s.isRaw(key) {
		if err := s.remove(key + documentSuffix); err != nil {
			return removeError(key, err)
		}
		s.rawMu.Lock()
		delete(s.raw, key)
		s.rawMu.Unlock()
	}
	if current == name+documentSuffix {
		if err := s.remove(current); err != nil {
			return removeError(key, err)
		}
	}
	if long {
		// The document is gone; a key that stays is swept by Open.
		_ = s.folder.Remove(name + longKeySuffix)
	}
	return nil
}

// Keys implements [storage.Lister].
func (s *Store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, s.keys)
}

func (s *Store) keys() ([]string, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, unavailable("keys", "", errClosed)
	}
	s.rawMu.Lock()
	keys := slices.Collect(maps.Keys(s.raw))
	s.rawMu.Unlock()
	names, err := s.folder.Names()
	if err == nil {
		err = s.folder.Check()
	}
	if err != nil {
		return nil, unavailable("keys", "", err)
	}
	for _, name := range names {
		base, isDocument := strings.CutSuffix(name, documentSuffix)
		if !isDocument {
			continue
		}
		if isLong(base) {
			key, err := s.folder.Read(base + longKeySuffix)
			switch {
			case errors.Is(err, fs.ErrNotExist) && !s.exists(name):
				continue // deleted since the listing
			case err != nil:
				return nil, unavailable("keys", "", err)
			}
			keys = append(keys, string(key))
		} else if key, ours := decode(base); ours && len(base) <= maxEncoded && storage.CheckKey(key) == nil {
			keys = append(keys, key)
		}
	}
	// A document may have both a raw file and an encoded one.
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// Check implements [storage.Checker]: the folder is open and still where it
// was.
func (s *Store) Check(ctx context.Context) error {
	if err := storage.CheckCall(ctx, "check", ""); err != nil {
		return err
	}
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return unavailable("check", "", errClosed)
	}
	if err := s.folder.Check(); err != nil {
		return unavailable("check", "", err)
	}
	return nil
}

// SoleOwner implements [storage.SoleOwner]: the lock sees to it.
func (s *Store) SoleOwner() bool { return true }

// read returns the key's body and the file that has it. A file that is not
// there means ErrNotFound only while the folder itself is.
func (s *Store) read(key, name string) (body []byte, file string, err error) {
	file = name + documentSuffix
	body, err = s.folder.Read(file)
	if errors.Is(err, fs.ErrNotExist) && s.isRaw(key) {
		file = key + documentSuffix
		body, err = s.folder.Read(file)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return body, file, err
	}
	if err := s.folder.Check(); err != nil {
		return nil, "", err
	}
	return nil, "", storage.ErrNotFound
}

// expect returns the file that has the key's body if that is at version at,
// and ErrConflict if not.
func (s *Store) expect(key, name string, at storage.Version) (file string, err error) {
	body, file, err := s.read(key, name)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return "", storage.ErrConflict
	case err != nil:
		return "", err
	case version(body) != at:
		return "", storage.ErrConflict
	}
	return file, nil
}

func (s *Store) isRaw(key string) bool {
	s.rawMu.Lock()
	defer s.rawMu.Unlock()
	return s.raw[key]
}

func (s *Store) exists(file string) bool {
	_, err := s.folder.Read(file)
	return err == nil
}

// writeFile puts body into the named file; the folder is yet to be synced.
// On an error the file is as it was.
func (s *Store) writeFile(name string, body []byte) error {
	temp := tempPrefix + strconv.FormatUint(s.temps.Add(1), 10)
	f, err := s.folder.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = s.folder.Rename(temp, name)
	}
	if err != nil {
		// If this fails as well, the next Open removes the file.
		_ = s.folder.Remove(temp)
	}
	return err
}

// keepKey puts a long key beside its document, for good.
func (s *Store) keepKey(name, key string) error {
	if err := s.writeFile(name+longKeySuffix, []byte(key)); err != nil {
		return err
	}
	return s.folder.Sync()
}

// remove removes a file for good.
func (s *Store) remove(file string) error {
	if err := s.folder.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.folder.Sync(); err != nil {
		return fmt.Errorf("%w: %w", storage.ErrNotDurable, err)
	}
	return nil
}

func removeError(key string, err error) error {
	if errors.Is(err, storage.ErrNotDurable) {
		return &storage.Error{Op: "delete", Key: key, Err: err}
	}
	return failed("delete", key, err)
}

func version(body []byte) storage.Version {
	sum := sha256.Sum256(body)
	return storage.Version(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// readError wraps what read, expect and their callers answer.
func readError(op, key string, err error) error {
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConflict) {
		return &storage.Error{Op: op, Key: key, Err: err}
	}
	return failed(op, key, err)
}

// failed wraps an error before which nothing was changed.
func failed(op, key string, err error) error {
	if durable.IsRefusal(err) {
		return &storage.Error{Op: op, Key: key, Err: fmt.Errorf("%w: %w", storage.ErrRefused, err)}
	}
	return unavailable(op, key, err)
}

// notDurable wraps the failure to sync the directory after a change to it.
func notDurable(op, key string, err error) error {
	return &storage.Error{Op: op, Key: key, Err: fmt.Errorf("%w: %w", storage.ErrNotDurable, err)}
}

func unavailable(op, key string, err error) error {
	return &storage.Error{Op: op, Key: key, Err: fmt.Errorf("%w: %w", storage.ErrUnavailable, err)}
}
