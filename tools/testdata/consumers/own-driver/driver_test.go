package consumer

import (
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Name: "a slice",
		Open: func(testing.TB) storage.Store { return new(Store) },
	})
}
