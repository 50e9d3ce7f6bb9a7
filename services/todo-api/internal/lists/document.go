package lists

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// Document is a list as the ledger keeps it, with its JSON: the ledger hands
// out one document a revision, so its JSON is made once and not for each
// reader. A nil document is the list that was never written.
type Document struct {
	list todo.List
	// digest tells contents of the v1 form, which have no revision, apart.
	digest string

	stateOnce, todosOnce sync.Once
	state                []byte
	todos                *todo.Rendering
}

// List returns the list itself.
func (d *Document) List() todo.List {
	if d == nil {
		return todo.List{}
	}
	return d.list
}

// State returns the list in the v1 form. It is shared.
func (d *Document) State() []byte {
	if d == nil {
		return []byte("[]")
	}
	d.stateOnce.Do(func() { d.state = d.list.AppendState(nil) })
	return d.state
}

// Todos returns the list's items as Todo-Backend has them. It is shared.
func (d *Document) Todos() *todo.Rendering {
	if d == nil {
		return todo.List{}.Render()
	}
	d.todosOnce.Do(func() { d.todos = d.list.Render() })
	return d.todos
}

// codec stores a list as the array of its items, or, with a title, as an
// object. It reads that and the v1 form.
var codec = ledger.Codec[*Document]{
	Encode: func(d *Document) ([]byte, error) {
		return d.List().AppendList(nil), nil
	},
	Decode: func(data []byte) (*Document, error) {
		list, err := todo.DecodeList(data)
		if err != nil {
			return nil, err
		}
		return &Document{list: list}, nil
	},
	Legacy: func(body []byte) (*Document, bool, error) {
		if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '[' {
			return nil, false, nil
		}
		list, err := todo.DecodePredecessor(body)
		if err != nil {
			return nil, true, err
		}
		sum := sha256.Sum256(body)
		return &Document{list: list, digest: hex.EncodeToString(sum[:4])}, true, nil
	},
}
