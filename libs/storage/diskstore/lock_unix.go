//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package diskstore

import (
	"errors"
	"os"
	"syscall"
)

var errLocked = syscall.EWOULDBLOCK

// noWait lets opening a pipe not wait for a writer.
const noWait = syscall.O_NONBLOCK

// lockFile locks f, or fails at once. The lock belongs to the open file and ends
// with it, even if the process is killed.
func lockFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locking error
	err = conn.Control(func(fd uintptr) {
		locking = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	return errors.Join(err, locking)
}

// Mark implements directory.
func (d *lockedDirectory) Mark(name string) (m mark, ok bool) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return mark{}, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return mark{}, false
	}
	//nolint:unconvert // the types differ by system, and only equality counts
	return mark{uint64(stat.Dev), uint64(stat.Ino), info.Size(), info.ModTime().UnixNano()}, true
}
