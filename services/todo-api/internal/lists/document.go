package lists

import (
	"bytes"
	"sync"
	"weak"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// Document is a list in the ledger. All readers of a revision share its document,
// so that its JSON is encoded once. A nil document is a list that was never
// written.
type Document struct {
	list todo.List

	state shared[[]byte]
	todos shared[todo.Rendering]

	deltas deltas
}

// List returns the list.
func (d *Document) List() todo.List {
	if d == nil {
		return todo.List{}
	}
	return d.list
}

// State returns the list in the v1 form. The result is shared.
func (d *Document) State() []byte {
	if d == nil {
		return []byte("[]")
	}
	return *d.state.get(func() *[]byte {
		text := d.list.AppendState(nil)
		return &text
	})
}

// Todos returns the items in the form of Todo-Backend. The result is shared.
func (d *Document) Todos() *todo.Rendering {
	if d == nil {
		return todo.List{}.Render()
	}
	return d.todos.get(d.list.Render)
}

// shared is a value that is computed when needed and freed by the garbage
// collector when unused, so that memory does not hold each form in which a list
// was ever read.
type shared[T any] struct {
	mu   sync.Mutex
	last weak.Pointer[T]
}

func (s *shared[T]) get(build func() *T) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.last.Value()
	if v == nil {
		v = build()
		s.last = weak.Make(v)
	}
	return v
}

// codec encodes a list by [todo.List.AppendList]. It also decodes the forms of
// earlier programs and the v1 form.
var codec = ledger.Codec[*Document]{
	Exact: true, // TestCodecReadsWhatItWrites
	Append: func(dst []byte, d *Document) ([]byte, error) {
		return d.List().AppendList(dst), nil
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
		list, err := todo.DecodeV1(body)
		if err != nil {
			return nil, true, err
		}
		return &Document{list: list}, true, nil
	},
	Removed: func(d *Document, journal []byte) (*Document, error) {
		list := d.List()
		var err error
		list.Removed, err = todo.DecodeRemovals(journal)
		return &Document{list: list}, err
	},
}
