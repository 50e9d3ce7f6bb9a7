package diskstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"

	"github.com/gchamon/devops-challenge/libs/storage/internal/durable"
)

// directory is the part of a file system that a store needs. Tests replace it by
// one that fails, or loses power, at any step.
type directory interface {
	// Read returns the whole file.
	Read(name string) ([]byte, error)
	// Mark returns the mark of a file: while the mark is the same, the file has
	// the same bytes. ok is false if the file does not exist or marks are not
	// supported.
	Mark(name string) (m mark, ok bool)
	// Create creates a file that does not exist.
	Create(name string) (file, error)
	// Overwrite opens a file to write size bytes into it, and truncates it to
	// that size. Other processes cannot open the file until it is closed.
	// Overwrite fails if another process has the file open, if the file has a
	// second name, or if the file system cannot detect this.
	Overwrite(name string, size int) (file, error)
	Rename(from, to string) error
	// Exchange swaps the files of two names; done is false if it is not supported.
	Exchange(one, other string) (done bool, err error)
	Remove(name string) error
	// Names returns the names of all files that are not directories.
	Names() ([]string, error)
	// Sync makes creations, renames and removals durable.
	Sync() error
	// Check returns an error if the directory is no longer where it was, so that
	// a missing file does not show that its document was deleted.
	Check() error
	// TryWrite returns an error if no file can be created, but not on a full
	// disk, whose documents can still be read and deleted.
	TryWrite() error
	Close() error
}

// mark is a file's identity, size and time of change.
type mark struct {
	device, file   uint64
	size, modified int64
}

type file interface {
	io.WriteCloser
	// Sync makes the written bytes durable, but not the time of the change.
	Sync() error
}

// lockedDirectory is a directory on disk that this process has locked.
type lockedDirectory struct {
	path string
	root *os.Root
	dir  *os.File // the directory itself, to sync it
	lock *os.File
	// overwrites is false if the file system has no Overwrite and no Exchange.
	overwrites bool
}

const lockName = ".lock"

// openDirectory creates the directory if needed, and locks it.
func openDirectory(path string) (_ *lockedDirectory, err error) {
	if err := durable.MkdirAll(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	d := &lockedDirectory{path: path, root: root}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if d.dir, err = root.Open("."); err != nil {
		return nil, err
	}
	d.overwrites = canOverwrite(d.dir)
	if d.lock, err = root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("cannot be written to: %w", err)
	}
	if err := lockFile(d.lock); err != nil {
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("cannot be locked: %w", err)
		}
		if holder := readHolder(d.lock); holder > 0 {
			return nil, fmt.Errorf("in use by process %d", holder)
		}
		return nil, errors.New("in use by another process")
	}
	if err := d.TryWrite(); err != nil {
		return nil, fmt.Errorf("cannot be written to: %w", err)
	}
	// It is only for the message above, and omitted on a full disk.
	if err := d.lock.Truncate(0); err == nil {
		_, _ = d.lock.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	}
	return d, nil
}

// TryWrite creates and removes a file: an existing lock file does not prove that
// this is possible. Concurrent calls share the file.
func (d *lockedDirectory) TryWrite() error {
	const name = tempPrefix + "0"
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := d.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func readHolder(lock *os.File) int {
	var digits [20]byte
	n, _ := lock.ReadAt(digits[:], 0)
	pid, err := strconv.Atoi(string(digits[:n]))
	if err != nil {
		return 0
	}
	return pid
}

// Read fails if the file is a pipe or a device, which could block forever.
func (d *lockedDirectory) Read(name string) ([]byte, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	body := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead)) // one read more finds the end
	_, err = body.ReadFrom(f)
	return body.Bytes(), err
}

//nolint:ireturn // a method of the interface directory
func (d *lockedDirectory) Create(name string) (file, error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return dataFile{f}, err
}

func (d *lockedDirectory) Rename(from, to string) error { return d.root.Rename(from, to) }

func (d *lockedDirectory) Remove(name string) error { return d.root.Remove(name) }

func (d *lockedDirectory) Names() ([]string, error) {
	// A new handle, because the position in the listing belongs to the handle.
	dir, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	entries, err := dir.ReadDir(-1)
	if err := errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, fs.DirEntry.IsDir)
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names, nil
}

func (d *lockedDirectory) Sync() error { return d.dir.Sync() }

func (d *lockedDirectory) Check() error {
	open, err := d.dir.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	if !os.SameFile(open, there) {
		return fmt.Errorf("directory %s is not the one that was opened", d.path)
	}
	return nil
}

func (d *lockedDirectory) Close() error {
	var errs []error
	for _, f := range []*os.File{d.dir, d.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, d.root.Close())...)
}
