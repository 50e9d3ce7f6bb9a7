//go:build unix

package durable

import (
	"errors"
	"syscall"
)

// IsRefusal reports whether a file system refused the operation with err, so that
// nothing was changed: permission, read-only, no space, quota, file too large, or
// name too long.
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
