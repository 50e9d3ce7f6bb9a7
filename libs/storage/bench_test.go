package storage_test

import (
	"bytes"
	"io"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// body is a list of 20 items.
var body = bytes.Repeat([]byte("x"), 1500)

func onEachStore(b *testing.B, run func(b *testing.B, s storage.Store)) {
	for _, backend := range []struct {
		name string
		open func(dir string) (storage.Store, error)
	}{
		{"memory", func(string) (storage.Store, error) { return memstore.New(), nil }},
		{"disk", func(dir string) (storage.Store, error) { return diskstore.Open(dir) }},
		{"bolt", func(dir string) (storage.Store, error) { return boltstore.Open(filepath.Join(dir, "b.db")) }},
	} {
		b.Run(backend.name, func(b *testing.B) {
			s, err := backend.open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			run(b, s)
			b.StopTimer()
			if closer, ok := s.(io.Closer); ok {
				if err := closer.Close(); err != nil {
					b.Error(err)
				}
			}
		})
	}
}

// BenchmarkReplace spreads writes over 1,024 keys from 32 goroutines a core.
func BenchmarkReplace(b *testing.B) {
	onEachStore(b, func(b *testing.B, s storage.Store) {
		var workers atomic.Int64
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			worker := workers.Add(1)
			versions := make(map[string]storage.Version)
			for n := int64(0); pb.Next(); n++ {
				// No key has two writers, so no write conflicts.
				key := "list " + strconv.FormatInt(worker+64*(n%16), 10)
				body := append(strconv.AppendInt(nil, n, 10), body...)
				var err error
				version := versions[key]
				if version == "" {
					version, err = s.Create(b.Context(), key, body)
				} else {
					version, err = s.Replace(b.Context(), key, body, version)
				}
				if err != nil {
					b.Error(err)
				}
				versions[key] = version
			}
		})
	})
}

func BenchmarkGet(b *testing.B) {
	onEachStore(b, func(b *testing.B, s storage.Store) {
		if _, err := s.Create(b.Context(), "list", body); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Get(b.Context(), "list"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
