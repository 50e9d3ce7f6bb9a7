package ledger

import (
	"context"
	"time"
)

// caused is a context that ends with the ledger's and has the values of the
// call that caused it, such as its span.
type caused struct {
	context.Context
	values context.Context //nolint:containedctx // its values alone are used
}

// Value looks up the key in the ledger's context first: package context uses it to
// find the parent that it is canceled with.
func (c caused) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.values.Value(key)
}

// storeCall begins a call to the store. It returns the call's context, and a
// function to call with its error.
func (l *Ledger[T]) storeCall(ctx context.Context, op, key string, timeout time.Duration) (call context.Context, done func(error)) {
	ended := func(error) {}
	if f := l.opts.Observer.StoreCall; f != nil {
		ctx, ended = f(ctx, op, key)
	}
	call, cancel := context.WithTimeout(ctx, timeout)
	return call, func(err error) {
		cancel()
		ended(err)
	}
}
