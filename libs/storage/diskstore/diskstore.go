// Package diskstore keeps documents as files in one directory, each write
// durable before it is acknowledged.
//
// # Writes
//
// A body goes to a temporary file, which is synced and takes the name of the
// document's file, and then the directory is synced, once for all writes that wait
// for it. A crash or a power cut at any moment leaves the old body or the new one,
// and the new one once the write was acknowledged. A failed sync is never repeated,
// because the kernel may have dropped the pages that it could not write and then
// report success (https://wiki.postgresql.org/wiki/Fsync_Errors): the write fails
// with [storage.ErrUnavailable], and with [storage.ErrNotDurable] if the directory's
// sync failed: the file then has its new name, and a power cut may take that back. A full or read-only disk, a quota, a missing
// permission and a file that is too large are [storage.ErrRefused]: the
// temporary file could not be written, so nothing was changed.
//
// On Linux with ext4 or XFS, a document of at most 128 KiB that this process wrote
// alternates between two files: the replaced file is kept as a temporary file and
// overwritten by the next body, which costs less than creating a file. Until then it
// contains the present body, so that deleted content does not stay in the directory.
// It is overwritten only if no program has it open or mapped, it has no second name,
// and it has the owner and permissions of a new file. A program that opens it
// meanwhile waits until it is written. Therefore programs that copy, link or read the
// files of documents see complete bodies, and never the body of another document. The
// exception is a program that looks up a document's file and opens it during one of
// the next two writes: it sees a part of a body if writing that file fails or takes
// longer than fs.lease-break-time (45 s). At most 4,096 such files are kept.
// [Store.Delete] removes the file of its document, and [Store.Close] removes all.
//
// # One process
//
// An open store holds a lock (flock) on the directory's .lock file, so that no
// other process can open it; the lock ends with the process. Therefore
// [Store.SoleOwner] is true. Documents' files must not be created, changed or
// removed by others while a store has the directory open. Writes fail with
// [storage.ErrUnavailable] once the directory was moved, deleted or replaced: what
// went there would be missing after a restart.
//
// # File names
//
// The document under a key is KEY.json, bytes of the key outside [a-z0-9_-]
// written as ~ and two lower-case hexadecimal digits: the key "São" is
// "~53~c3~a3o.json". When that is more than 200 bytes the name is ~~ and the
// SHA-256 of the key, and the key itself is kept beside it in a file of the
// same name with the suffix .key, which is durable before the document is.
// Temporary files are .tmp-N; copies of the directory do not need them, and [Open]
// removes those of a crashed process. Files with other names are ignored; see
// [IsFileName].
//
// # Versions
//
// A version is the SHA-256 of the body: it survives a restart and costs no
// file of its own. As with an S3 ETag, writing a body back (A, B, A) brings
// its version back, too. Callers that must detect this add a counter or nonce
// to the body.
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

// Store is a [storage.Store] in a directory. Writes to one key take turns; those
// to different keys run at once.
type Store struct {
	dir   directory
	temps atomic.Uint64
	syncs syncs

	seed  maphash.Seed
	turns [1024]turn // by hash of the key

	life   sync.RWMutex // held for reading by every call, for writing by Close
	closed bool
}

// turn serializes the writes to some keys.
type turn struct {
	sync.RWMutex
	recent []ours // at most maxRecent, the latest last
}

// ours is a document that this process wrote. Replacing it does not read and
// hash it again, and overwrites its spare.
type ours struct {
	name    string
	version storage.Version
	mark    mark
	// spare is the temporary name of the document's previous file, or "".
	spare string
}

const (
	maxRecent = 4
	// maxSpare is the maximum size of a document that has a spare. All spares
	// together take at most 512 MiB, and no more than their documents.
	maxSpare = 128 << 10
)

// find returns the entry of the named document, or nil.
func (t *turn) find(name string) *ours {
	i := slices.IndexFunc(t.recent, func(w ours) bool { return w.name == name })
	if i < 0 {
		return nil
	}
	return &t.recent[i]
}

var (
	_ storage.Store     = (*Store)(nil)
	_ storage.Lister    = (*Store)(nil)
	_ storage.Checker   = (*Store)(nil)
	_ storage.SoleOwner = (*Store)(nil)
)

var errClosed = errors.New("it was closed")

// Open opens the directory at path, and creates it if it does not exist. The error
// names the directory. It wraps [storage.ErrRefused] if the file system refuses to
// create, read or write it, such as by its permissions, and otherwise
// [storage.ErrUnavailable], such as if another process, which it names if known, has
// the directory open. The caller must call Close.
func Open(path string) (*Store, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, openError(path, err)
	}
	dir, err := openDirectory(absolute)
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
	return failed("open", "", fmt.Errorf("directory %s: %w", path, err))
}

// OpenURL opens the directory of a URL such as file:///var/lib/todo or
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

// newStore removes the files that a crash left in a locked directory.
func newStore(dir directory) (*Store, error) {
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
	return &Store{dir: dir, syncs: newSyncs(), seed: maphash.MakeSeed()}, nil
}

const tempPrefix = ".tmp-"

// Close waits for calls under way and releases the directory. Later calls fail
// with [storage.ErrUnavailable]; a second Close does nothing.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for i := range s.turns {
		for _, w := range s.turns[i].recent {
			s.sweep(w.spare)
		}
	}
	return s.dir.Close()
}

// enter begins a call and returns the function that ends it.
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

func (s *Store) turn(key string) *turn {
	return &s.turns[maphash.String(s.seed, key)%uint64(len(s.turns))]
}

// Get implements [storage.Store]. It waits for a write of the key that is under
// way, so it never shows a body that a power cut could undo.
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	leave, err := s.enter(ctx, "get", key)
	if err != nil {
		return storage.Document{}, err
	}
	defer leave()
	turn := s.turn(key)
	turn.RLock()
	defer turn.RUnlock()
	name, _ := fileName(key)
	body, err := s.read(name)
	if err != nil {
		return storage.Document{}, readError("get", key, err)
	}
	return storage.Document{Body: body, Version: version(body)}, nil
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.write(ctx, "create", key, body, func(name string, _ *ours) error {
		_, err := s.read(name)
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
	return s.write(ctx, "replace", key, body, func(name string, w *ours) error { return s.expect(w, name, at) })
}

// write stores body if allowed returns nil. It calls allowed while the key is
// locked.
func (s *Store) write(ctx context.Context, op, key string, body []byte, allowed func(string, *ours) error) (storage.Version, error) {
	leave, err := s.enter(ctx, op, key)
	if err != nil {
		return "", err
	}
	defer leave()
	turn := s.turn(key)
	turn.Lock()
	defer turn.Unlock()
	if err := s.mayChange(ctx, op, key); err != nil {
		return "", err
	}
	name, long := fileName(key)
	w := turn.find(name)
	if err := allowed(name, w); err != nil {
		return "", readError(op, key, err)
	}
	if long && op == "create" {
		// The document is unchanged, whether or not the name is durable.
		if err := s.keepKey(name, key); err != nil {
			return "", failed(op, key, err)
		}
	}
	exchange, spare := false, ""
	if w != nil {
		exchange = op == "replace" && len(body) <= maxSpare
		spare, w.spare = w.spare, ""
	}
	temp, err := s.writeTemp(spare, body)
	if err != nil {
		return "", failed(op, key, err)
	}
	if exchange {
		exchange, err = s.dir.Exchange(temp, name+documentSuffix)
	}
	if err == nil && !exchange {
		err = s.dir.Rename(temp, name+documentSuffix)
	}
	if err != nil {
		s.sweep(temp)
		return "", failed(op, key, err)
	}
	if err := s.syncs.wait(s.dir.Sync); err != nil {
		// A power cut may undo an exchange: both files stay as they are.
		return "", notDurable(op, key, err)
	}
	if !exchange || !s.cover(temp, body) {
		temp = ""
	}
	at := version(body)
	mark, _ := s.dir.Mark(name + documentSuffix)
	s.remember(turn, ours{name, at, mark, temp})
	return at, nil
}

// cover overwrites a spare with the present body, so that deleted content does not
// stay in the directory, and so that a program that looked up the file while it was
// the document's sees a complete body. If another process has the file open, cover
// removes it and returns false.
func (s *Store) cover(temp string, body []byte) bool {
	f, err := s.dir.Overwrite(temp, len(body))
	if err == nil {
		err = fill(f, body, false)
	}
	if err != nil {
		s.sweep(temp)
	}
	return err == nil
}

// remember replaces the entry of a document, and forgets the oldest entry if there
// are too many.
func (s *Store) remember(turn *turn, w ours) {
	turn.recent = slices.DeleteFunc(turn.recent, func(old ours) bool { return old.name == w.name })
	if len(turn.recent) == maxRecent {
		s.sweep(turn.recent[0].spare)
		turn.recent = slices.Delete(turn.recent, 0, 1)
	}
	turn.recent = append(turn.recent, w)
}

// mayChange returns an error if ctx ended while the caller waited for the key, or if
// the directory is no longer where it was.
func (s *Store) mayChange(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return &storage.Error{Op: op, Key: key, Err: err}
	}
	if err := s.dir.Check(); err != nil {
		return failed(op, key, err)
	}
	return nil
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, at storage.Version) error {
	leave, err := s.enter(ctx, "delete", key)
	if err != nil {
		return err
	}
	defer leave()
	turn := s.turn(key)
	turn.Lock()
	defer turn.Unlock()
	if err := s.mayChange(ctx, "delete", key); err != nil {
		return err
	}
	name, long := fileName(key)
	w := turn.find(name)
	if err := s.expect(w, name, at); err != nil {
		return readError("delete", key, err)
	}
	if err := s.dir.Remove(name + documentSuffix); err != nil {
		return failed("delete", key, err)
	}
	if err := s.syncs.wait(s.dir.Sync); err != nil {
		return notDurable("delete", key, err)
	}
	if w != nil {
		s.sweep(w.spare) // an earlier body
		turn.recent = slices.DeleteFunc(turn.recent, func(w ours) bool { return w.name == name })
	}
	if long {
		// The document is deleted; Open removes a key that remains.
		_ = s.dir.Remove(name + longKeySuffix)
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
	names, err := s.dir.Names()
	if err == nil {
		err = s.dir.Check()
	}
	if err != nil {
		return nil, unavailable("keys", "", err)
	}
	var keys []string
	for _, name := range names {
		base, isDocument := strings.CutSuffix(name, documentSuffix)
		if !isDocument {
			continue
		}
		if isLong(base) {
			key, err := s.dir.Read(base + longKeySuffix)
			switch {
			case errors.Is(err, fs.ErrNotExist) && !s.exists(name):
				continue // deleted since the listing
			case err != nil:
				return nil, unavailable("keys", "", err)
			}
			keys = append(keys, string(key))
		} else if key, ok := decode(base); ok {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Check implements [storage.Checker]. It returns an error unless the directory is
// open, still where it was, and writable; a full disk is no error.
func (s *Store) Check(ctx context.Context) error {
	if err := storage.CheckCall(ctx, "check", ""); err != nil {
		return err
	}
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return unavailable("check", "", errClosed)
	}
	if err := s.dir.Check(); err != nil {
		return unavailable("check", "", err)
	}
	if err := s.dir.TryWrite(); err != nil {
		return failed("check", "", err)
	}
	return nil
}

// SoleOwner implements [storage.SoleOwner]. It is always true: Open holds an
// exclusive lock.
func (s *Store) SoleOwner() bool { return true }

// read returns the body in the named document's file. A missing file means
// ErrNotFound only while the directory itself is there.
func (s *Store) read(name string) ([]byte, error) {
	body, err := s.dir.Read(name + documentSuffix)
	if !errors.Is(err, fs.ErrNotExist) {
		return body, err
	}
	if err := s.dir.Check(); err != nil {
		return nil, err
	}
	return nil, storage.ErrNotFound
}

// expect returns ErrConflict unless the named document is at version at. w is its
// entry, or nil.
func (s *Store) expect(w *ours, name string, at storage.Version) error {
	if w != nil && w.version == at {
		if mark, ok := s.dir.Mark(name + documentSuffix); ok && mark == w.mark {
			return nil
		}
	}
	body, err := s.read(name)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.ErrConflict
	case err != nil:
		return err
	case version(body) != at:
		return storage.ErrConflict
	}
	return nil
}

func (s *Store) exists(file string) bool {
	_, err := s.dir.Read(file)
	return err == nil
}

// writeTemp writes body to a temporary file and syncs it. It overwrites the spare,
// if there is one that nothing else uses. On an error it removes both.
func (s *Store) writeTemp(spare string, body []byte) (temp string, err error) {
	var f file
	if spare != "" {
		temp = spare
		if f, err = s.dir.Overwrite(temp, len(body)); err != nil {
			s.sweep(temp)
		}
	}
	if f == nil {
		temp = tempPrefix + strconv.FormatUint(s.temps.Add(1), 10)
		if f, err = s.dir.Create(temp); err != nil {
			return "", err
		}
	}
	if err = fill(f, body, true); err != nil {
		s.sweep(temp)
	}
	return temp, err
}

// fill writes body to f, syncs f if synced is true, and closes it.
func fill(f file, body []byte, synced bool) error {
	_, err := f.Write(body)
	if err == nil && synced {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// sweep removes the temporary file temp, unless temp is "". If that fails, the
// next Open removes it.
func (s *Store) sweep(temp string) {
	if temp != "" {
		_ = s.dir.Remove(temp)
	}
}

// keepKey writes a long key durably to a file beside its document.
func (s *Store) keepKey(name, key string) error {
	temp, err := s.writeTemp("", []byte(key))
	if err != nil {
		return err
	}
	if err := s.dir.Rename(temp, name+longKeySuffix); err != nil {
		s.sweep(temp)
		return err
	}
	return s.syncs.wait(s.dir.Sync)
}

func version(body []byte) storage.Version {
	sum := sha256.Sum256(body)
	return storage.Version(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// readError wraps what read and expect return.
func readError(op, key string, err error) error {
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConflict) {
		return &storage.Error{Op: op, Key: key, Err: err}
	}
	return failed(op, key, err)
}

// failed wraps an error of an operation that changed nothing.
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
