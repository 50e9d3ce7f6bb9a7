//go:build unix

package durable_test

import (
	"io/fs"
	"syscall"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/internal/durable"
)

func TestIsRefusal(t *testing.T) {
	for cause, want := range map[syscall.Errno]bool{
		syscall.EACCES: true, syscall.EPERM: true, syscall.EROFS: true, syscall.ENOSPC: true,
		syscall.EDQUOT: true, syscall.EFBIG: true, syscall.ENAMETOOLONG: true,
		// These may have written something, or pass by themselves.
		syscall.EIO: false, syscall.EINTR: false, syscall.EMFILE: false, syscall.ENOENT: false,
	} {
		if got := durable.IsRefusal(&fs.PathError{Op: "open", Path: "file", Err: cause}); got != want {
			t.Errorf("%v: got %t, want %t", cause, got, want)
		}
	}
}
