package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// write is one operation on a list as a request asks for it.
type write struct {
	// key is the client's name for the request; "" when it has none.
	key string
	// op is the operation, or nil to restore what a revision took away.
	op      todo.Op
	restore uint64
	conditions
}

// written is what came of a write.
type written struct {
	status int
	// item is the one that the operation created or changed.
	item todo.Item
	// at is the revision that the operation landed in.
	at       revision
	number   uint64
	replayed bool
	// snapshot is the list right after, or, for a repetition, as it is now.
	snapshot snapshot
}

// conditionError refuses a write because the list is at another revision.
type conditionError struct{ at revision }

func (e *conditionError) Error() string {
	return "the list is at revision " + e.at.etag()
}

// errForgotten: the request was carried out before, but what came of it is
// neither remembered nor in the list any more.
var errForgotten = errors.New("the item was created or changed by this very request before, and was deleted since")

// result is what the ledger remembers of an operation. A title that the
// request itself has is left out.
type result struct {
	Status int             `json:"s"`
	Item   json.RawMessage `json:"i,omitempty"`
}

// apply carries writes out in their order; each has its own error.
func (s *Server) apply(ctx context.Context, name todo.Name, writes []write) ([]written, []error) {
	ops := make([]ledger.Op[*document], len(writes))
	for i := range writes {
		ops[i] = ledgerOp(name, &writes[i])
	}
	receipts, errs := s.ledger.UpdateAll(ctx, string(name), ops)
	results := make([]written, len(writes))
	for i, receipt := range receipts {
		if errs[i] == nil {
			results[i], errs[i] = newWritten(writes[i].op, receipt) //nolint:gosec // UpdateAll answers each operation
		}
	}
	return results, errs
}

// applyOne is apply for a single write.
func (s *Server) applyOne(ctx context.Context, name todo.Name, w write) (written, error) {
	results, errs := s.apply(ctx, name, []write{w})
	return results[0], errs[0]
}

// ledgerOp makes the pure function that the ledger applies, as often as it
// takes. What must be the same each time, such as new names, is decided here.
func ledgerOp(name todo.Name, w *write) ledger.Op[*document] {
	out := ledger.Op[*document]{ID: w.key, Kind: "replace"}
	if w.key != "" {
		out.Payload = payload(w)
	}
	switch op := w.op.(type) {
	case todo.Create:
		if op.UID == "" {
			op.UID = newUID(name, w.key, out.Payload)
			w.op = op
		}
	case todo.Replace:
		op.Seed = newUID(name, w.key, out.Payload)
		w.op = op
	case nil:
	default:
		out.Kind = op.Kind()
	}
	out.Apply = func(state ledger.State[*document]) (ledger.Change[*document], error) {
		return applyTo(state, w)
	}
	return out
}

func applyTo(state ledger.State[*document], w *write) (ledger.Change[*document], error) {
	refuse := func(err error) (ledger.Change[*document], error) { return ledger.Change[*document]{}, err }
	if at := revisionOf(state.Doc, state.Revision, state.Exists); !w.hold(at, state.Exists) {
		return refuse(&conditionError{at})
	}
	op := w.op
	if op == nil {
		var err error
		if op, err = restoration(state.Removed, w.restore); err != nil {
			return refuse(err)
		}
	}
	effect, err := op.Apply(state.Doc.items())
	if err != nil {
		return refuse(err)
	}
	change := ledger.Change[*document]{Doc: state.Doc, Unchanged: !effect.Changed}
	// A list that is saved empty is not one that was never written.
	if _, replace := op.(todo.Replace); replace && !state.Exists {
		change.Unchanged = false
	}
	if !change.Unchanged {
		change.Doc = &document{list: effect.List}
	}
	if len(effect.Removed) > 0 {
		change.Removed = todo.AppendItems(nil, effect.Removed)
	}
	change.Result, err = json.Marshal(newResult(op, effect))
	return change, err
}

func newResult(op todo.Op, effect todo.Effect) result {
	item := effect.Item
	switch op := op.(type) {
	case todo.Create:
		item.Title = ""
		if effect.Existed {
			return result{200, todo.AppendItems(nil, []todo.Item{item})}
		}
		return result{201, todo.AppendItems(nil, []todo.Item{item})}
	case todo.Update:
		if op.Title != nil {
			item.Title = ""
		}
		return result{200, todo.AppendItems(nil, []todo.Item{item})}
	case todo.Delete, todo.Clear, todo.ClearCompleted:
		return result{Status: 204}
	default:
		return result{Status: 200}
	}
}

func newWritten(op todo.Op, receipt ledger.Receipt[*document]) (written, error) {
	w := written{
		at:       revisionOf(receipt.Snapshot.Doc, receipt.Revision, receipt.Snapshot.Exists),
		number:   receipt.Revision,
		replayed: receipt.Replayed,
		snapshot: receipt.Snapshot,
	}
	if receipt.ResultForgotten {
		return w, w.recall(op)
	}
	var r result
	if err := json.Unmarshal(receipt.Result, &r); err != nil {
		return w, fmt.Errorf("result of operation: %w", err)
	}
	w.status = r.Status
	if r.Item == nil {
		return w, nil
	}
	items, err := todo.DecodeItems(r.Item)
	if err != nil {
		return w, fmt.Errorf("result of operation: %w", err)
	}
	w.item = items[0]
	switch op := op.(type) {
	case todo.Create:
		w.item.Title = op.Title
	case todo.Update:
		if op.Title != nil {
			w.item.Title = *op.Title
		}
	}
	// An operation behind this one in the same commit may have changed the
	// item again: what is answered must be what the ETag stands for.
	if now, ok := w.snapshot.Doc.items().Find(w.item.UID); ok && !w.replayed {
		w.item = now
	}
	return w, nil
}

// recall answers a repetition whose first answer is no longer remembered with
// the list as it is now.
func (w *written) recall(op todo.Op) error {
	var uid string
	switch op := op.(type) {
	case todo.Create:
		w.status, uid = 201, op.UID
	case todo.Update:
		w.status, uid = 200, op.UID
	case todo.Delete, todo.Clear, todo.ClearCompleted:
		w.status = 204
		return nil
	default:
		w.status = 200
		return nil
	}
	item, ok := w.snapshot.Doc.items().Find(uid)
	if !ok {
		return errForgotten
	}
	w.item = item
	return nil
}

// payload is what a client's key stands for. It is made of what was read from
// the request, so that white space in its JSON does not matter.
func payload(w *write) []byte {
	var body any = w.op
	kind := "restore"
	if w.op == nil {
		body = w.restore
	} else {
		kind = w.op.Kind()
	}
	// The operations have no type that cannot be encoded.
	text, _ := json.Marshal(body) //nolint:errchkjson // see above
	return append([]byte(kind+" "), text...)
}

// newUID names a new item. The name follows from the client's key when there
// is one, so that a create that is repeated after the ledger has forgotten it
// finds its own item and makes no second.
func newUID(name todo.Name, key string, payload []byte) string {
	if key == "" {
		return uuid.Must(uuid.NewV7()).String()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", name, key, payload))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// restoration is the operation that brings back what a revision took away.
func restoration(removed []ledger.Removal, number uint64) (todo.Op, error) {
	var op todo.Restore
	found := false
	for _, r := range removed {
		if r.Revision != number {
			continue
		}
		found = true
		items, err := todo.DecodeItems(r.Items)
		if err != nil {
			return nil, fmt.Errorf("%w: removed items of revision %d: %w", ledger.ErrDamaged, number, err)
		}
		op.Removed = append(op.Removed, items...)
	}
	if !found {
		return nil, todo.ErrNoRevision
	}
	return op, nil
}

// historyEntry is what one operation took away.
type historyEntry struct {
	Revision uint64          `json:"revision"`
	At       time.Time       `json:"at"`
	Kind     string          `json:"kind"`
	Todos    json.RawMessage `json:"todos"`
}

// history returns what is kept of a list, newest first.
func history(removed []ledger.Removal, base string) ([]historyEntry, error) {
	entries := make([]historyEntry, 0, len(removed))
	for _, r := range slices.Backward(removed) {
		items, err := todo.DecodeItems(r.Items)
		if err != nil {
			return nil, fmt.Errorf("%w: removed items of revision %d: %w", ledger.ErrDamaged, r.Revision, err)
		}
		entries = append(entries, historyEntry{r.Revision, r.At.UTC(), r.Kind, todo.List{Items: items}.AppendTodos(nil, base)})
	}
	return entries, nil
}
