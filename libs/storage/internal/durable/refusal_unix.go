//go:build unix

package durable

import (
	"errors"
	"syscall"
)

// IsRefusal reports whether err is a file system's certain no: permission,
// read-only, no space, quota, too large, or a name that is too long.
func IsRefusal(err error) bool {
	for _, refusal := range []error{
		syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOSPC,
		syscall.EDQUOT, syscall.EFBIG, syscall.ENAMETOOLONG,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
