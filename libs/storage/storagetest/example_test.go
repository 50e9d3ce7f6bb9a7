package storagetest_test

import (
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

// The whole test of a driver whose documents outlive the process. The suite
// opens a store for each case, and reopens some.
//
// An example has no *testing.T, so the function is run by a test of this package.
func ExampleRun() {
	testConformance = func(t *testing.T) { // func TestConformance in a driver
		open := func(tb testing.TB, path string) *boltstore.Store {
			store, err := boltstore.Open(path)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = store.Close() })
			return store
		}
		paths := make(map[storage.Store]string)
		storagetest.Run(t, storagetest.Harness{
			Name: "bbolt",
			Open: func(tb testing.TB) storage.Store {
				path := tb.TempDir() + "/documents.db"
				store := open(tb, path)
				paths[store] = path
				return store
			},
			Reopen: func(tb testing.TB, store storage.Store) storage.Store {
				_ = store.(*boltstore.Store).Close()
				return open(tb, paths[store])
			},
			Writers: 4, Increments: 10, // quick; without them the counter race is larger
		})
	}
}

var testConformance func(t *testing.T)

func TestExample(t *testing.T) {
	ExampleRun()
	testConformance(t)
}
