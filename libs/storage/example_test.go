package storage_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// A writer that was overtaken reads again, and no update is lost.
func Example() {
	ctx := context.Background()
	var store storage.Store = memstore.New()
	if _, err := store.Create(ctx, "visitors", []byte("1")); err != nil {
		fmt.Println(err)
		return
	}

	doc, _ := store.Get(ctx, "visitors")
	_, _ = store.Replace(ctx, "visitors", []byte("2"), doc.Version) // someone else

	_, err := store.Replace(ctx, "visitors", []byte("2"), doc.Version)
	fmt.Println(errors.Is(err, storage.ErrConflict), err)

	doc, _ = store.Get(ctx, "visitors")
	_, err = store.Replace(ctx, "visitors", []byte("3"), doc.Version)
	fmt.Println(err)
	// Output:
	// true storage: replace "visitors": document changed by another writer
	// <nil>
}
