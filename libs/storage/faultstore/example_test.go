package faultstore_test

import (
	"context"
	"fmt"

	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// The answer is lost, the write is not: what a client must be ready for.
func Example() {
	ctx := context.Background()
	store := faultstore.New(memstore.New(), faultstore.Script("create", faultstore.Fault{Kind: faultstore.FailAfter}))
	_, err := store.Create(ctx, "key", []byte("body"))
	fmt.Println(err)
	doc, err := store.Get(ctx, "key")
	fmt.Println(string(doc.Body), err)
	// Output:
	// storage: create "key": store unavailable: injected fault: fail after
	// body <nil>
}
