package lists

import (
	"time"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// History returns the removed items that can be restored, oldest first.
func (s *Service) History(snap Snapshot) []todo.Removal {
	list := snap.Doc.List()
	if s.keepRemoved > 0 {
		list = list.RemovedSince(time.Now().Add(-s.keepRemoved))
	}
	return list.Removed
}
