package lists

import (
	"fmt"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// History returns what is kept of the items that earlier operations removed,
// oldest first.
func (s *Service) History(snap Snapshot) ([]todo.Removal, error) {
	kept := snap.Removed
	for s.keepRemoved > 0 && len(kept) > 0 && time.Since(kept[0].At) > s.keepRemoved {
		kept = kept[1:] // which the next write of the list deletes
	}
	return removals(kept)
}

func removals(stored []ledger.Removal) ([]todo.Removal, error) {
	out := make([]todo.Removal, len(stored))
	for i, r := range stored {
		items, err := todo.DecodeItems(r.Items)
		if err != nil {
			return nil, fmt.Errorf("%w: removed items of revision %d: %w", ledger.ErrDamaged, r.Revision, err)
		}
		out[i] = todo.Removal{Revision: r.Revision, At: r.At, Kind: r.Kind, Items: items}
	}
	return out, nil
}
