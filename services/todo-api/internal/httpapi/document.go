package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"sync/atomic"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

type snapshot = ledger.Snapshot[*document]

// document is a list as the ledger keeps it, with what is sent of it: the
// ledger hands out one document for each revision, so that its JSON is made
// once and not for each reader. nil is the list that was never written.
type document struct {
	list todo.List
	// digest tells contents that only the predecessor wrote apart.
	digest string

	state        atomic.Pointer[[]byte]
	todos, event atomic.Pointer[rendering]
}

// rendering is JSON with addresses in it.
type rendering struct {
	base string
	body []byte
}

func (d *document) items() todo.List {
	if d == nil {
		return todo.List{}
	}
	return d.list
}

// stateJSON is the list in the predecessor's form. It is shared.
func (d *document) stateJSON() []byte {
	if d == nil {
		return []byte("[]")
	}
	if body := d.state.Load(); body != nil {
		return *body
	}
	body := d.list.AppendState(nil)
	d.state.Store(&body)
	return body
}

// todosJSON is the list as Todo-Backend has it, with addresses below base. It
// is shared.
func (d *document) todosJSON(base string) []byte {
	if d == nil {
		return []byte("[]")
	}
	return rendered(&d.todos, base, func() []byte { return d.list.AppendTodos(nil, base) })
}

// rendered returns what was rendered for base last, or renders it. Whoever
// asks under many names gets what they ask for, only slower.
func rendered(cache *atomic.Pointer[rendering], base string, render func() []byte) []byte {
	if r := cache.Load(); r != nil && r.base == base {
		return r.body
	}
	r := &rendering{base, render()}
	cache.Store(r)
	return r.body
}

// itemsPath is the path that the items of a list are below.
func itemsPath(name todo.Name) string {
	return "/api/lists/" + url.PathEscape(string(name)) + "/todos/"
}

// codec stores the list as its items, and reads what the predecessor stored.
var codec = ledger.Codec[*document]{
	Encode: func(d *document) ([]byte, error) {
		return todo.AppendItems(nil, d.items().Items), nil
	},
	Decode: func(data []byte) (*document, error) {
		items, err := todo.DecodeItems(data)
		if err != nil {
			return nil, err
		}
		return &document{list: todo.List{Items: items}}, nil
	},
	Legacy: func(body []byte) (*document, bool, error) {
		if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '[' {
			return nil, false, nil
		}
		list, err := todo.DecodePredecessor(body)
		if err != nil {
			return nil, true, err
		}
		sum := sha256.Sum256(body)
		return &document{list: list, digest: hex.EncodeToString(sum[:4])}, true, nil
	},
}
