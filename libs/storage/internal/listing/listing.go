// Package listing is how drivers list that gather all keys first.
package listing

import (
	"context"
	"iter"
	"slices"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Keys yields what gather returns, in order, until ctx is done. The error of
// gather is yielded as it is.
func Keys(ctx context.Context, gather func() ([]string, error)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := ctx.Err(); err != nil {
			yield("", &storage.Error{Op: "keys", Err: err})
			return
		}
		keys, err := gather()
		if err != nil {
			yield("", err)
			return
		}
		slices.Sort(keys)
		for _, key := range keys {
			if err := ctx.Err(); err != nil {
				yield("", &storage.Error{Op: "keys", Err: err})
				return
			}
			if !yield(key, nil) {
				return
			}
		}
	}
}
