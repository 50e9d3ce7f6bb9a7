package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Do stores what change makes of the document under key, and returns it. It is
// [Ledger.Update] for operations that need no ID, history or result: change is
// pure, may be called several times, and its error is returned as it is.
func Do[T any](ctx context.Context, l *Ledger[T], key string, change func(doc T) (T, error)) (T, error) {
	r, err := l.Update(ctx, key, Op[T]{Apply: func(s State[T]) (Change[T], error) {
		doc, err := change(s.Doc)
		return Set(doc), err
	}})
	return r.Snapshot.Doc, err
}

// Call is [Ledger.Update] for an operation with a result of type R, which is
// kept as JSON. op.Apply and Change.Result are not used: apply makes the change
// and the result. If the operation is a repetition whose result is not kept any
// more, the error is [ErrResultForgotten].
func Call[T, R any](ctx context.Context, l *Ledger[T], key string, op Op[T], apply func(State[T]) (Change[T], R, error)) (R, Receipt[T], error) {
	var result R
	op.Apply = func(s State[T]) (Change[T], error) {
		change, result, err := apply(s)
		if err != nil {
			return change, err
		}
		if change.Result, err = json.Marshal(result); err != nil {
			return change, fmt.Errorf("ledger: encoding the result: %w", err)
		}
		return change, nil
	}
	receipt, err := l.Update(ctx, key, op)
	switch {
	case err != nil:
	case receipt.ResultForgotten:
		err = fail("update", key, ErrResultForgotten)
	default:
		if err = json.Unmarshal(receipt.Result, &result); err != nil {
			err = fail("update", key, fmt.Errorf("%w: the remembered result: %w", ErrDamaged, err))
		}
	}
	return result, receipt, err
}

// Keys yields the keys of the store in lexical order, as [storage.Keys] does.
// They include keys that the store holds for others. With [Ledger.Forget] it is
// what retention needs: list, read, forget what is too old.
func (l *Ledger[T]) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.Keys(ctx, l.store)
}
