package lists

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

// Write is an operation on a list.
type Write struct {
	// Key is the client's name for the request, so that a repetition is
	// answered and not repeated; "" if there is none.
	Key string
	Op  todo.Op
	// By is the name of the person who does it, for the history; "" if it is
	// not known.
	By string
}

// Result is the acknowledgement of a write.
type Result struct {
	// Item is the item that the operation created or updated. Its UID is ""
	// for other operations.
	Item todo.Item
	// Created is true when a [todo.Create] added the item, and false when the
	// item existed already.
	Created bool
	// Number is the number of the revision that the operation landed in, and
	// Revision its name.
	Number   uint64
	Revision Revision
	// Replayed is true when the write had landed before, by the same Key.
	Replayed bool
	// Snapshot is the list right after the write, or, if Replayed, as it is
	// now.
	Snapshot Snapshot
}

// ErrForgotten means that the write was carried out before, but its result is
// neither remembered nor in the list.
var ErrForgotten = errors.New("the item was created or changed by this very request before, and was deleted since")

// Apply carries a write out if the conditions hold. See [Service.ApplyAll].
func (s *Service) Apply(ctx context.Context, name todo.Name, conditions Conditions, w Write) (Result, error) {
	results, errs := s.ApplyAll(ctx, name, conditions, []Write{w})
	return results[0], errs[0]
}

// ApplyAll carries writes out in their order if the conditions hold before the
// first of them. Each has its own result or error, at its own index: an error
// of its operation, a [*ConditionError], [ErrForgotten], or an error of
// [ledger.Ledger.Update]. Conditions do not matter to a repeated write.
func (s *Service) ApplyAll(ctx context.Context, name todo.Name, conditions Conditions, writes []Write) ([]Result, []error) {
	results := make([]Result, len(writes))
	if err := s.compose(ctx, name); err != nil {
		return results, slices.Repeat([]error{err}, len(writes))
	}
	prepared := make([]operation, len(writes))
	ops := make([]ledger.Op[*Document], len(writes))
	g := &gate{Conditions: conditions}
	for i, w := range writes {
		prepared[i] = newOperation(name, w)
		prepared[i].gate, prepared[i].keepRemoved = g, s.keepRemoved
		ops[i] = prepared[i].ledgerOp(ctx)
	}
	receipts, errs := s.ledger.UpdateAll(ctx, string(name), ops)
	for i := range receipts {
		if errs[i] == nil {
			results[i], errs[i] = prepared[i].result(&receipts[i])
		}
	}
	return results, errs
}

// gate holds the conditions of writes that follow one another. The first of
// them that is applied checks them, and the result counts for those behind it.
// The ledger applies the operations of one key one after the other.
type gate struct {
	Conditions
	first   *operation // that checked; nil if none has
	refused error
}

func (g *gate) check(o *operation, state *ledger.State[*Document]) error {
	if g.first == nil || g.first == o {
		g.first, g.refused = o, nil
		if at := Revision(state.Tag()); !g.hold(at, state.Exists) {
			g.refused = &ConditionError{at}
		}
	}
	return g.refused
}

// operation is a write that is ready to be applied as often as it takes: what
// must be the same each time, such as new UIDs, is decided.
type operation struct {
	Write
	gate        *gate
	keepRemoved time.Duration // 0: without bound
	payload     []byte
	// uid is the item that the result names, or "". title is what the
	// operation sets the item's title to, or nil.
	uid   string
	title *string
	// creates is true when the list exists afterwards although nothing in it
	// changed: one that is saved empty is not one that was never written.
	creates bool
	// existed is whether the last application found the item that it creates.
	existed bool
}

// newOperation is the one place that tells operations apart.
func newOperation(name todo.Name, w Write) operation {
	o := operation{Write: w}
	if w.Key != "" {
		o.payload = payload(w.Op)
	}
	switch op := w.Op.(type) {
	case todo.Create:
		if op.UID == "" {
			op.UID = newUID(name, w.Key, o.payload)
			o.Op = op
		}
		o.uid, o.title = op.UID, &op.Title
	case todo.Update:
		o.uid, o.title = op.UID, op.Title
	case todo.Replace:
		op.Seed = newUID(name, w.Key, o.payload)
		o.Op, o.creates = op, true
	}
	return o
}

// payload is what a key stands for. It is made of the decoded request, so that
// white space in the request's JSON does not matter.
func payload(op todo.Op) []byte {
	text, _ := json.Marshal(op) //nolint:errchkjson // operations have no type that cannot be encoded
	return append([]byte(op.Kind()+" "), text...)
}

// newUID names a new item. With a key the name follows from the key, so that a
// create that is repeated after the ledger has forgotten it finds its own item
// and makes no second.
func newUID(name todo.Name, key string, payload []byte) string {
	if key == "" {
		return uuid.Must(uuid.NewV7()).String()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", name, key, payload))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

func (o *operation) ledgerOp(ctx context.Context) ledger.Op[*Document] {
	return ledger.Op[*Document]{
		ID: o.Key, Payload: o.payload,
		Apply: func(state ledger.State[*Document]) (ledger.Change[*Document], error) {
			if err := ctx.Err(); err != nil {
				return ledger.Change[*Document]{}, err // the caller left
			}
			return o.apply(&state)
		},
	}
}

func (o *operation) apply(state *ledger.State[*Document]) (ledger.Change[*Document], error) {
	change := ledger.Change[*Document]{Doc: state.Doc}
	if err := o.gate.check(o, state); err != nil {
		return change, err
	}
	list := state.Doc.List()
	if o.keepRemoved > 0 {
		list = list.RemovedSince(state.Time.Add(-o.keepRemoved))
	}
	effect, err := o.Op.Apply(list)
	if err != nil {
		return change, err
	}
	o.existed = effect.Existed
	if change.Unchanged = !effect.Changed && (state.Exists || !o.creates); !change.Unchanged {
		if len(effect.Removed) > 0 {
			effect.List = effect.List.WithRemoval(todo.Removal{Revision: state.Next, At: state.Time, Kind: o.Op.Kind(), By: o.By, Items: effect.Removed})
		}
		change.Doc = &Document{list: effect.List}
	}
	change.Result = o.encodeResult(effect.Item, effect.Existed)
	return change, nil
}

// A stored result is the operation's item, as an array of one, behind an
// exclamation mark if the item existed. It is empty if there is no item. A
// title that the request itself has is left out.
func (o *operation) encodeResult(item todo.Item, existed bool) []byte {
	if o.uid == "" {
		return nil
	}
	if o.title != nil {
		item.Title = ""
	}
	b := make([]byte, 0, 128)
	if existed {
		b = append(b, '!')
	}
	return todo.AppendItems(b, []todo.Item{item})
}

func (o *operation) decodeResult(b []byte) (item todo.Item, existed bool, err error) {
	if len(b) > 0 && b[0] == '{' {
		// Until 2026-11-25 it was an object with an HTTP status.
		var old struct {
			Status int             `json:"s"`
			Items  json.RawMessage `json:"i"`
		}
		if err := json.Unmarshal(b, &old); err != nil {
			return item, false, err
		}
		b, existed = old.Items, old.Status == 200
	} else if len(b) > 0 && b[0] == '!' {
		b, existed = b[1:], true
	}
	items, err := todo.DecodeItems(b)
	if err != nil {
		return item, false, err
	}
	if len(items) != 1 {
		return item, false, fmt.Errorf("expected one item, got %d", len(items))
	}
	item = items[0]
	if o.title != nil {
		item.Title = *o.title
	}
	return item, existed, nil
}

// result is what the receipt of the operation says.
func (o *operation) result(receipt *ledger.Receipt[*Document]) (Result, error) {
	r := Result{
		Number:   receipt.Revision,
		Revision: Revision(receipt.Tag),
		Replayed: receipt.Replayed,
		Snapshot: receipt.Snapshot,
	}
	if o.uid == "" {
		return r, nil
	}
	now, there := r.Snapshot.Doc.List().Find(o.uid)
	_, create := o.Op.(todo.Create)
	switch {
	case there && !r.Replayed:
		// An operation behind this one in the same commit may have changed the
		// item again: the answer must be what its ETag stands for.
		r.Item, r.Created = now, create && !o.existed
	case !receipt.ResultForgotten:
		item, existed, err := o.decodeResult(receipt.Result)
		if err != nil {
			return r, fmt.Errorf("%w: result of an operation: %w", ledger.ErrDamaged, err)
		}
		r.Item, r.Created = item, create && !existed
	case there:
		r.Item, r.Created = now, create
	default:
		return r, ErrForgotten
	}
	return r, nil
}
