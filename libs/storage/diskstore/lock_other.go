//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package diskstore

import (
	"errors"
	"os"
	"runtime"
)

var errLocked = errors.New("locked")

const noWait = 0

func lockFile(*os.File) error {
	return errors.New("package diskstore has no file locks on " + runtime.GOOS)
}

// Mark implements directory.
func (d *lockedDirectory) Mark(string) (m mark, ok bool) { return mark{}, false }
