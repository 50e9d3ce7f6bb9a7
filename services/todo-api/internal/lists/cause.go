package lists

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Cause returns the reason of a failed call to the store, without names of lists,
// paths or hosts: the text of the operating system's error, such as "no space left
// on device", if there is one.
func Cause(err error) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case err == nil:
		return ""
	case ok:
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, storage.ErrRefused):
		return "refused"
	case errors.Is(err, storage.ErrNotDurable):
		return "not durable"
	}
	return "no answer"
}

// Trouble describes the calls that the store refuses or does not answer while
// others succeed. It returns "" if all succeed.
func (s *Service) Trouble() string {
	health := s.ledger.Health()
	if health.Failing == 0 {
		return ""
	}
	return fmt.Sprintf("the store fails reads or writes of %d lists: %s", health.Failing, Cause(health.Err))
}
