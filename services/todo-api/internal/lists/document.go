package lists

import (
	"bytes"
	"sync"
	"weak"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// Document is a list as the ledger keeps it. The ledger hands out one document
// a revision, so the JSON that several readers use at a time is made once. A
// nil document is the list that was never written.
type Document struct {
	list todo.List

	state shared[[]byte]
	todos shared[todo.Rendering]

	deltas deltas
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
	return *d.state.get(func() *[]byte {
		text := d.list.AppendState(nil)
		return &text
	})
}

// Todos returns the list's items as Todo-Backend has them. It is shared.
func (d *Document) Todos() *todo.Rendering {
	if d == nil {
		return todo.List{}.Render()
	}
	return d.todos.get(d.list.Render)
}

// shared is a value that is kept as long as somebody uses it, and until the
// next garbage collection: a list is in memory once, not once more for each
// form in which it was ever read.
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

// codec stores a list as [todo.List.AppendList] does. It reads that, what
// earlier programs stored beside it, and the v1 form.
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
		list, err := todo.DecodePredecessor(body)
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
