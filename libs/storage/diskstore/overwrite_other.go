//go:build !linux

package diskstore

import (
	"errors"
	"os"
)

func canOverwrite(*os.File) bool { return false }

// Overwrite implements directory.
//
//nolint:ireturn // a method of the interface directory
func (d *lockedDirectory) Overwrite(string, int) (file, error) { return nil, errors.ErrUnsupported }

// Exchange implements directory.
func (d *lockedDirectory) Exchange(string, string) (done bool, err error) { return false, nil }

type dataFile struct{ *os.File }
