// Package boltstore keeps documents in one file, the embedded B+ tree of
// go.etcd.io/bbolt. All waiting writes share one commit, whatever their keys,
// which makes it the fastest of the durable stores for one machine.
//
// # Writes
//
// A write is acknowledged once its commit is synced; a crash or a power cut
// leaves the last commit whole. Reads wait for the commit under way, so they never
// show a body that a power cut could undo. On a full disk, a commit's writes
// fail with [storage.ErrRefused]. Any other failed commit is not repeated: its
// writes fail with [storage.ErrNotDurable], and the file is opened again, so that
// later reads show the content of the file and not the state in memory.
//
// # Damage
//
// A flipped bit is never served as content, nor as a missing document. Open refuses
// a file with a damaged page, which it names, or without one of its last two
// commits: restore a backup. Keys and documents have checksums in a second tree of
// the file: if a key or its document differs from them, or is missing in one of
// the two, only the calls of that key and listings fail. Damage that happens while
// the file is open is found in the same way when it is read, except that a page that
// refers to itself ends the process.
//
// A file that another program wrote last, such as an earlier version of this
// package or a bbolt tool, is accepted as it is.
//
// # One process
//
// An open store holds a lock (flock) on the file, so [Store.SoleOwner] is true.
//
// # Versions
//
// A version is the number of the write in this file. Numbers are never reused, not
// even after a deletion.
package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/internal/durable"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// Store is a [storage.Store] in a file.
type Store struct {
	path string

	mu     sync.RWMutex // held for writing by the commit under way
	db     *bbolt.DB    // nil after a failed commit, until it could be reopened
	info   os.FileInfo  // of the open file
	last   int          // the number of the last commit
	closed bool

	queueMu sync.Mutex
	queue   []*change // what the next commit takes
}

var (
	_ storage.Store             = (*Store)(nil)
	_ storage.ConditionalGetter = (*Store)(nil)
	_ storage.Lister            = (*Store)(nil)
	_ storage.Checker           = (*Store)(nil)
	_ storage.SoleOwner         = (*Store)(nil)
)

// The buckets of the file.
var (
	documentsName = []byte("documents") // the version and the body of each key
	checksumsName = []byte("checksums") // the checksum of each value in documents
	commitName    = []byte("commit")    // of the last commit, its number and the last version
)

var (
	errClosed  = errors.New("it was closed")
	errDamaged = errors.New("the file is damaged")

	errRolledBack = fmt.Errorf("%w: the last commit is missing", errDamaged)
)

// versionBytes is the length of the version that precedes each body.
const versionBytes = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Open opens the file at path, which it creates, with the directories above it,
// if it does not exist. The error names the file. It wraps [storage.ErrRefused] if the
// file system refuses to create, read or write the file, such as by its permissions,
// and otherwise [storage.ErrUnavailable]: the file is empty, not a database, or in use
// by another process. Close releases the file.
func Open(path string) (*Store, error) {
	absolute, err := filepath.Abs(path)
	if err == nil {
		err = durable.MkdirAll(filepath.Dir(absolute))
	}
	s := &Store{path: absolute}
	if err == nil {
		err = s.reopen()
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(absolute))
	}
	if err != nil {
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		return nil, wrap("open", "", fmt.Errorf("file %s: %w", absolute, err))
	}
	return s, nil
}

// OpenURL opens the file of a URL such as bolt:///var/lib/todo.db or
// bolt://./todo.db. It is a [storageurl.Opener] and takes no parameters.
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

// guarded calls f and converts a panic to an error. bbolt panics at an invalid page,
// and reading a truncated file faults. Neither may end the process, whose other
// documents are whole.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errDamaged, cause)
		}
	}()
	return f()
}

// inPlace returns an error unless the open file is still the one at s.path: writes
// to a file that was moved or deleted would be lost.
func (s *Store) inPlace() error {
	info, err := os.Stat(s.path)
	if err == nil && !os.SameFile(info, s.info) {
		err = errors.New("it is another file now")
	}
	if err != nil {
		return fmt.Errorf("file %s was moved, replaced or deleted while it was open: %w", s.path, err)
	}
	return nil
}

// reopen sets s.db from the file.
func (s *Store) reopen() error {
	before, err := os.Stat(s.path)
	switch {
	case err == nil && before.IsDir():
		return errors.New("it is a directory")
	case err == nil && before.Size() == 0:
		return errors.New("it is empty: expected a database; delete it to begin with none")
	case err == nil && s.info != nil && !os.SameFile(before, s.info), err != nil && s.info != nil:
		return s.inPlace()
	}
	if err == nil {
		// A read-only database does not read the list of free pages, at which bbolt may
		// panic and then keep the lock.
		db, err := openFile(s.path, true)
		if err != nil {
			return err
		}
		if err := errors.Join(verify(s.path), db.Close()); err != nil {
			return err
		}
	}
	db, err := openFile(s.path, false)
	if err != nil {
		return err
	}
	var last int
	info, err := os.Stat(s.path)
	if err == nil {
		err = guarded(func() (err error) {
			last, err = prepare(db)
			return err
		})
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.db, s.info, s.last = db, info, last
	return nil
}

func openFile(path string, readOnly bool) (db *bbolt.DB, err error) {
	err = guarded(func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:      time.Millisecond, // 0 would wait for the lock for ever
			FreelistType: bbolt.FreelistMapType,
			ReadOnly:     readOnly,
		})
		return err
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = errors.New("in use by another process")
	}
	return db, err
}

// prepare returns the number of the file's last commit. If this package did not make
// that commit, the checksums are those of the documents that it finds.
func prepare(db *bbolt.DB) (last int, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		names, ours := 0, 0
		err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			names++
			if bytes.Equal(name, documentsName) || bytes.Equal(name, checksumsName) || bytes.Equal(name, commitName) {
				ours++
			}
			return nil
		})
		documents := tx.Bucket(documentsName)
		switch {
		case err != nil:
			return err
		case names == 0, ours == 1 && documents != nil: // new, or of an earlier version
			return nil
		case ours != 3:
			return fmt.Errorf("%w, or of another program: it does not have the buckets of documents", errDamaged)
		}
		number, version := decodeCommit(tx.Bucket(commitName).Get(commitName))
		switch {
		case number != tx.ID():
			return nil
		case documents.Sequence() != version:
			return fmt.Errorf("%w: the last version is %d or %d", errDamaged, version, documents.Sequence())
		}
		last = number
		return nil
	})
	if err != nil || last != 0 {
		return last, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket(checksumsName); err != nil && !errors.Is(err, bolterrors.ErrBucketNotFound) {
			return err
		}
		documents, err := tx.CreateBucketIfNotExists(documentsName)
		if err != nil {
			return err
		}
		checksums, err := tx.CreateBucket(checksumsName)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucketIfNotExists(commitName); err != nil {
			return err
		}
		err = documents.ForEach(func(key, value []byte) error { return checksums.Put(key, checksum(value)) })
		last = tx.ID()
		return errors.Join(err, recordCommit(tx))
	})
	return last, err
}

// recordCommit records the commit of tx, so that a commit of another program is
// recognized.
func recordCommit(tx *bbolt.Tx) error {
	record := binary.BigEndian.AppendUint64(nil, uint64(tx.ID())) //nolint:gosec // decodeCommit converts it back
	record = binary.BigEndian.AppendUint64(record, tx.Bucket(documentsName).Sequence())
	return tx.Bucket(commitName).Put(commitName, record)
}

func decodeCommit(record []byte) (number int, version uint64) {
	if len(record) != 16 {
		return 0, 0
	}
	return int(binary.BigEndian.Uint64(record)), binary.BigEndian.Uint64(record[8:]) //nolint:gosec // it was an int
}

// checksum returns the CRC-32C of a value.
func checksum(value []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.Checksum(value, castagnoli))
}

// ready returns an error unless s.db is open. The caller holds s.mu for writing.
func (s *Store) ready() error {
	switch {
	case s.closed:
		return errClosed
	case s.db != nil:
		return s.inPlace()
	}
	return s.reopen()
}

// Close waits for the commit under way and releases the file. Later calls fail
// with [storage.ErrUnavailable]; a second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	return db.Close()
}

// view calls f with the last committed state.
func (s *Store) view(f func(*bbolt.Tx) error) error {
	s.mu.RLock()
	for s.db == nil {
		s.mu.RUnlock()
		s.mu.Lock()
		err := s.ready()
		s.mu.Unlock()
		if err != nil {
			return err
		}
		s.mu.RLock()
	}
	defer s.mu.RUnlock()
	return guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			if tx.ID() != s.last {
				return errRolledBack
			}
			return f(tx)
		})
	})
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, _, err := s.GetIfChanged(ctx, key, "")
	return doc, err
}

// GetIfChanged implements [storage.ConditionalGetter].
func (s *Store) GetIfChanged(ctx context.Context, key string, known storage.Version) (doc storage.Document, changed bool, err error) {
	if err := storage.CheckCall(ctx, "get", key); err != nil {
		return storage.Document{}, false, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		version, body, err := current(tx, key)
		switch {
		case err != nil:
			return err
		case version == "":
			return storage.ErrNotFound
		case version != known:
			// The memory that bbolt returns ends with the transaction.
			doc, changed = storage.Document{Body: append([]byte{}, body...), Version: version}, true
		}
		return nil
	})
	return doc, changed, wrap("get", key, err)
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.put(ctx, "create", key, "", body)
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	if version == "" {
		version = "none" // the version that Create replaces; no document has it
	}
	return s.put(ctx, "replace", key, version, body)
}

// put stores body if the key is at version at; "" means that it has no document.
func (s *Store) put(ctx context.Context, op, key string, at storage.Version, body []byte) (storage.Version, error) {
	value := append(make([]byte, versionBytes, versionBytes+len(body)), body...)
	var version storage.Version
	err := s.change(ctx, op, key, func(tx *bbolt.Tx) error {
		found, _, err := current(tx, key)
		if err != nil {
			return err
		}
		if found != at {
			return storage.ErrConflict
		}
		documents := tx.Bucket(documentsName)
		number, err := documents.NextSequence()
		if err != nil {
			return err
		}
		binary.BigEndian.PutUint64(value, number)
		version = versionOf(number)
		return errors.Join(documents.Put([]byte(key), value), tx.Bucket(checksumsName).Put([]byte(key), checksum(value)))
	})
	if err != nil {
		return "", err
	}
	return version, nil
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, version storage.Version) error {
	return s.change(ctx, "delete", key, func(tx *bbolt.Tx) error {
		found, _, err := current(tx, key)
		if err != nil {
			return err
		}
		if found == "" || found != version {
			return storage.ErrConflict
		}
		return errors.Join(tx.Bucket(documentsName).Delete([]byte(key)), tx.Bucket(checksumsName).Delete([]byte(key)))
	})
}

// current returns the key's document, or the version "" if the key has no document.
// The body is valid during the transaction.
func current(tx *bbolt.Tx, key string) (storage.Version, []byte, error) {
	value, sum := tx.Bucket(documentsName).Get([]byte(key)), tx.Bucket(checksumsName).Get([]byte(key))
	switch {
	case value == nil && sum == nil:
		return "", nil, nil
	case len(value) < versionBytes || !bytes.Equal(sum, checksum(value)):
		return "", nil, fmt.Errorf("%w: the document does not match its checksum", errDamaged)
	}
	return versionOf(binary.BigEndian.Uint64(value)), value[versionBytes:], nil
}

func versionOf(number uint64) storage.Version {
	return storage.Version(strconv.FormatUint(number, 10))
}

// change is a write that waits for its commit.
type change struct {
	ctx   context.Context
	apply func(*bbolt.Tx) error
	err   error
	done  chan struct{}
}

// change applies a write in the next commit. The caller that finds the queue empty
// commits for all that arrive during the commit before.
func (s *Store) change(ctx context.Context, op, key string, apply func(*bbolt.Tx) error) error {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return err
	}
	c := &change{ctx: ctx, apply: apply, done: make(chan struct{})}
	s.queueMu.Lock()
	s.queue = append(s.queue, c)
	first := len(s.queue) == 1
	s.queueMu.Unlock()
	if first {
		s.commit()
	}
	<-c.done
	return wrap(op, key, c.err)
}

// commit writes the queued changes once the commit under way has ended.
func (s *Store) commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queueMu.Lock()
	batch := s.queue
	s.queue = nil
	s.queueMu.Unlock()
	err := s.ready()
	if err == nil {
		batch, err = s.update(batch)
	}
	for _, c := range batch {
		// A conflict, too, may be with a change that was not durable.
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
}

// update commits the batch. A change that meets a damaged page fails, and the
// others are committed without it.
func (s *Store) update(batch []*change) (rest []*change, err error) {
	for {
		at := 0
		err := guarded(func() error {
			return s.db.Update(func(tx *bbolt.Tx) error {
				if tx.ID() != s.last+1 {
					return errRolledBack
				}
				for ; at < len(batch); at++ {
					c := batch[at]
					if c.err = c.ctx.Err(); c.err == nil {
						c.err = c.apply(tx)
					}
				}
				return recordCommit(tx)
			})
		})
		switch {
		case err == nil:
			s.last++
			return batch, nil
		case at == len(batch):
			outcome := storage.ErrNotDurable
			if isRefusedWrite(err) {
				outcome = storage.ErrRefused
			}
			err = errors.Join(fmt.Errorf("%w: %w", outcome, err), s.db.Close())
			s.db = nil
			return batch, err
		}
		batch[at].err = err // nothing was written
		close(batch[at].done)
		batch = slices.Delete(batch, at, at+1)
	}
}

// Keys implements [storage.Lister]. It yields the keys that exist when the
// iteration begins.
func (s *Store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, func() (keys []string, err error) {
		err = s.view(func(tx *bbolt.Tx) error {
			checksums := tx.Bucket(checksumsName).Cursor()
			same, _ := checksums.First()
			err := tx.Bucket(documentsName).ForEach(func(key, _ []byte) error {
				if !bytes.Equal(key, same) {
					return fmt.Errorf("%w: the key %q or the one before has no document or no checksum", errDamaged, key)
				}
				keys = append(keys, string(key))
				same, _ = checksums.Next()
				return ctx.Err()
			})
			if err == nil && same != nil {
				err = fmt.Errorf("%w: the key %q has no document", errDamaged, same)
			}
			return err
		})
		return keys, wrap("keys", "", err)
	})
}

// Check implements [storage.Checker]. It also fails if the open file is no longer
// the one at its path.
func (s *Store) Check(ctx context.Context) error {
	if err := storage.CheckCall(ctx, "check", ""); err != nil {
		return err
	}
	return wrap("check", "", s.view(func(*bbolt.Tx) error { return s.inPlace() }))
}

// Backup writes the last committed state of the whole database to w and returns the
// number of bytes. Other calls are not blocked. A copy of the file itself that is
// taken while the store is open may be inconsistent.
func (s *Store) Backup(ctx context.Context, w io.Writer) (n int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, wrap("backup", "", err)
	}
	err = s.view(func(tx *bbolt.Tx) error {
		n, err = tx.WriteTo(w)
		return err
	})
	return n, wrap("backup", "", err)
}

// SoleOwner implements [storage.SoleOwner]. It is always true: Open holds an
// exclusive lock.
func (s *Store) SoleOwner() bool { return true }

// isRefusedWrite reports whether a commit failed because the file system refused to
// write a page, as on a full disk, or to make the file larger. The page that makes
// the commit valid is written last, so the commit did not take effect. This does not
// hold for a failed sync.
func isRefusedWrite(err error) bool {
	// bbolt does this before it writes, and keeps no more of the error than its text.
	if strings.HasPrefix(err.Error(), "file resize error: ") {
		return true
	}
	refused := new(fs.PathError)
	return errors.As(err, &refused) && refused.Op == "write" && durable.IsRefusal(refused)
}

// wrap adds the operation to an error, and ErrRefused or ErrUnavailable unless it
// is an error of the contract.
func wrap(op, key string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{storage.ErrNotFound, storage.ErrConflict, storage.ErrRefused, storage.ErrNotDurable, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return &storage.Error{Op: op, Key: key, Err: err}
		}
	}
	if durable.IsRefusal(err) {
		return &storage.Error{Op: op, Key: key, Err: fmt.Errorf("%w: %w", storage.ErrRefused, err)}
	}
	return &storage.Error{Op: op, Key: key, Err: fmt.Errorf("%w: %w", storage.ErrUnavailable, err)}
}
