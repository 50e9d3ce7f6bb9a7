//go:build !unix

package durable

import (
	"errors"
	"io/fs"
)

// IsRefusal reports whether a file system refused the operation with err, so that
// nothing was changed.
func IsRefusal(err error) bool { return errors.Is(err, fs.ErrPermission) }
