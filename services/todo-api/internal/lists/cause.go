package lists

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Cause returns why a call to the store failed, in words that name no list, path
// or host: those of the operating system, such as "no space left on device",
// where it has an error for that.
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

// Trouble says which reads and writes the store refuses or does not answer
// while it serves others, or is "".
func (s *Service) Trouble() string {
	health := s.ledger.Health()
	if health.Failing == 0 {
		return ""
	}
	return fmt.Sprintf("the store fails reads or writes of %d lists: %s", health.Failing, Cause(health.Err))
}
