package diskstore_test

import (
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
)

func open(tb testing.TB, dir string) *diskstore.Store {
	tb.Helper()
	s, err := diskstore.Open(dir)
	if err != nil {
		tb.Fatalf("Open: got %v, want nil", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: got %v, want nil", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	var folders sync.Map
	openIn := func(tb testing.TB, dir string) storage.Store {
		s := open(tb, dir)
		folders.Store(s, dir)
		return s
	}
	storagetest.Run(t, storagetest.Harness{
		Name: "disk",
		Open: func(tb testing.TB) storage.Store { return openIn(tb, tb.TempDir()) },
		Reopen: func(tb testing.TB, s storage.Store) storage.Store {
			if err := s.(*diskstore.Store).Close(); err != nil {
				tb.Fatalf("Close: got %v, want nil", err)
			}
			dir, _ := folders.Load(s)
			return openIn(tb, dir.(string))
		},
	})
}
