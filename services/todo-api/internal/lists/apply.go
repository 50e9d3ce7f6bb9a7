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

// Write is an operation with its idempotency key and author.
type Write struct {
	// Key is the idempotency key, or "". A repeated write returns the earlier
	// result and is not applied again.
	Key string
	Op  todo.Op
	// By is the person's name for the history, or "" if unknown.
	By string
}

// Result is the result of a landed write.
type Result struct {
	// Item is the created or updated item. Its UID is "" for other operations.
	Item todo.Item
	// Created is true if a [todo.Create] added the item, false if the item
	// existed.
	Created bool
	// Number and Revision identify the revision in which the operation landed.
	Number   uint64
	Revision Revision
	// Replayed is true if a write with the same Key had landed before.
	Replayed bool
	// Snapshot is the list right after the write or, if Replayed, the present
	// list.
	Snapshot Snapshot
}

// ErrForgotten means that the write landed before, but its result is neither
// remembered nor in the list.
var ErrForgotten = errors.New("this request created or changed the item before, and the item was deleted since")

// Apply applies a write if the conditions hold. See [Service.ApplyAll].
func (s *Service) Apply(ctx context.Context, name todo.Name, conditions Conditions, w Write) (Result, error) {
	results, errs := s.ApplyAll(ctx, name, conditions, []Write{w})
	return results[0], errs[0]
}

// ApplyAll applies writes in order if the conditions hold before the first. Each
// has a result or an error at its index: an error of its operation, a
// [*ConditionError], [ErrForgotten], or an error of [ledger.Ledger.Update].
// Conditions do not apply to repeated writes.
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

// gate holds the conditions of a sequence of writes. The first one that is
// applied checks them; its result holds for the others. The ledger applies the
// operations of one key sequentially.
type gate struct {
	Conditions
	first   *operation // the operation that checked, or nil
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

// operation is a prepared write. Applying it again has the same effect: values
// such as new UIDs are already chosen.
type operation struct {
	Write
	gate        *gate
	keepRemoved time.Duration // 0 means no limit
	payload     []byte
	// uid is the UID of the result's item, or "". title is the title that the
	// operation sets, or nil.
	uid   string
	title *string
	// creates is true if the operation creates the list even if it changes
	// nothing: saving an empty list differs from never writing it.
	creates bool
	// existed is true if the last application found the item to create.
	existed bool
}

// newOperation prepares a write. Only this function switches on the type of the
// operation.
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

// payload returns the content that an idempotency key stands for. It encodes the
// decoded request, so white space in the request's JSON does not matter.
func payload(op todo.Op) []byte {
	text, _ := json.Marshal(op) //nolint:errchkjson // operations have no type that cannot be encoded
	return append([]byte(op.Kind()+" "), text...)
}

// newUID returns a UID for a new item. With a key, the UID is derived from it, so
// that a repeated create that the ledger has forgotten finds its item and does
// not add a second one.
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

// encodeResult encodes the result for the store: an array of the operation's
// item, with an exclamation mark before it if the item existed, or nothing if
// there is no item. It omits a title that the request has.
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
		// Until 2026-11-25, a result was an object with an HTTP status.
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

// result returns the result of a receipt.
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
		// A later operation in the same commit may have changed the item again:
		// the result must match its revision.
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
