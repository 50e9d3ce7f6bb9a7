package diskstore_test

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
)

// BenchmarkReplace writes lists of 1.5 KB, spread over 1,000 keys, from 64
// goroutines a core.
func BenchmarkReplace(b *testing.B) {
	s, err := diskstore.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	body := bytes.Repeat([]byte("x"), 1500)
	var worker atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		w := worker.Add(1)
		for n := int64(0); pb.Next(); n++ {
			// No key is written by two goroutines, so no write conflicts.
			key := "list " + strconv.FormatInt(w+64*(n%16), 10)
			body := append(strconv.AppendInt(nil, n, 10), body...)
			doc, err := s.Get(b.Context(), key)
			if err != nil {
				_, err = s.Create(b.Context(), key, body)
			} else {
				_, err = s.Replace(b.Context(), key, body, doc.Version)
			}
			if err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s, err := diskstore.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Create(b.Context(), "list", bytes.Repeat([]byte("x"), 1500)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), "list"); err != nil {
			b.Fatal(err)
		}
	}
}
