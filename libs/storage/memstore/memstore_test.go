package memstore_test

import (
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Name: "memory",
		Open: func(testing.TB) storage.Store { return memstore.New() },
	})
}
