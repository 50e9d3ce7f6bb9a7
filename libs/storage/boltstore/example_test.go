package boltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
)

// A backup is taken while the store is in use, and is a store like any other.
func Example() {
	dir, err := os.MkdirTemp("", "lists")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	store, err := boltstore.Open(filepath.Join(dir, "lists.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	version, err := store.Create(ctx, "shopping", []byte(`["bread"]`))
	fmt.Println(version, err)

	file, err := os.Create(filepath.Join(dir, "backup.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := store.Backup(ctx, file); err != nil {
		fmt.Println(err)
	}
	if err := file.Close(); err != nil {
		fmt.Println(err)
	}
	_, err = store.Replace(ctx, "shopping", []byte(`[]`), version)
	fmt.Println(err)

	backup, err := boltstore.Open(file.Name())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backup.Close()
	doc, err := backup.Get(ctx, "shopping")
	fmt.Printf("%s %v\n", doc.Body, err)
	// Output:
	// 1 <nil>
	// <nil>
	// ["bread"] <nil>
}
