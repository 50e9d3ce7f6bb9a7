//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package diskstore

import (
	"errors"
	"os"
	"syscall"
)

var errLocked = syscall.EWOULDBLOCK

// lockFile takes the lock of f without waiting for it. The lock belongs to
// the open file and ends with it, however the process ends.
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
