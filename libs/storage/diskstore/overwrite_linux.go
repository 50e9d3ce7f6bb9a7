package diskstore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// canOverwrite reports whether a lease on the directory's file system detects
// everything that has a file open. On network file systems, FUSE and overlays, others
// can read the file through another kernel or another mount.
func canOverwrite(dir *os.File) bool {
	var stat unix.Statfs_t
	err := control(dir, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	kind := int64(stat.Type) //nolint:unconvert // the type differs by architecture
	return err == nil && (kind == unix.EXT4_SUPER_MAGIC || kind == unix.XFS_SUPER_MAGIC)
}

// Overwrite implements directory. The kernel grants a write lease if no other
// process has the file open or mapped, and delays other processes that open the
// file until the lease ends (fcntl(2), F_SETLEASE). Closing the file ends it.
//
//nolint:ireturn // a method of the interface directory
func (d *lockedDirectory) Overwrite(name string, size int) (file, error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	err = control(f, func(fd int) error {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
			return fmt.Errorf("lease of %s: %w", name, err)
		}
		return unix.Fstat(fd, &stat)
	})
	// A file with another owner or other permissions was put there by a person.
	if err == nil && (stat.Nlink != 1 || stat.Mode != unix.S_IFREG|0o600 || int(stat.Uid) != os.Geteuid()) {
		err = fmt.Errorf("%s is not a file of this store alone", name)
	}
	if err == nil && stat.Size > int64(size) {
		err = f.Truncate(int64(size))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return dataFile{f}, nil
}

// Exchange implements directory.
func (d *lockedDirectory) Exchange(one, other string) (done bool, err error) {
	if !d.overwrites {
		return false, nil
	}
	err = control(d.dir, func(fd int) error { return unix.Renameat2(fd, one, fd, other, unix.RENAME_EXCHANGE) })
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return false, nil // an old kernel, or system calls are filtered
	}
	return false, &os.LinkError{Op: "exchange", Old: one, New: other, Err: err}
}

// dataFile is a file whose Sync is fdatasync, which does not sync times.
type dataFile struct{ *os.File }

func (f dataFile) Sync() error {
	if err := control(f.File, unix.Fdatasync); err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

// control calls do with the descriptor of an open file.
func control(f syscall.Conn, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var doing error
	err = conn.Control(func(fd uintptr) { doing = do(int(fd)) })
	return errors.Join(err, doing)
}
