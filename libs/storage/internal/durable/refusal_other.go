//go:build !unix

package durable

import (
	"errors"
	"io/fs"
)

// IsRefusal reports whether err is a file system's certain no.
func IsRefusal(err error) bool { return errors.Is(err, fs.ErrPermission) }
