package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Do replaces the document under key by the result of change, and returns it. It is
// [Ledger.Update] for operations that need no ID, history or result. change must be
// pure, and may be called several times; Do returns its error as it is.
func Do[T any](ctx context.Context, l *Ledger[T], key string, change func(doc T) (T, error)) (T, error) {
	r, err := l.Update(ctx, key, Op[T]{Apply: func(s State[T]) (Change[T], error) {
		doc, err := change(s.Doc)
		return Set(doc), err
	}})
	return r.Snapshot.Doc, err
}

// Call is [Ledger.Update] for an operation with a result of type R, which is stored
// as JSON. apply returns the change and the result; op.Apply and Change.Result are
// ignored. If the operation is a repetition whose result is no longer kept, the
// error is [ErrResultForgotten].
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
// They include keys of other users of the store. For retention, use it with
// [Ledger.Forget]: list, read, and forget old documents.
func (l *Ledger[T]) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.Keys(ctx, l.store)
}
