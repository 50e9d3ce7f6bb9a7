package diskstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
)

func Example() {
	dir, err := os.MkdirTemp("", "lists")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	store, err := diskstore.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	if _, err := store.Create(context.Background(), "São", []byte("[]")); err != nil {
		fmt.Println(err)
		return
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	fmt.Println(filepath.Base(names[0]))
	// Output: ~53~c3~a3o.json
}
