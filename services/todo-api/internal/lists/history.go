package lists

import (
	"fmt"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// History returns what is kept of the items that earlier operations removed,
// oldest first.
func History(s Snapshot) ([]todo.Removal, error) { return removals(s.Removed) }

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
