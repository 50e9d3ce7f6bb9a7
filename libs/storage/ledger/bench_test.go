package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// distant is a memstore that others write to, too, some time away.
type distant struct {
	shared
	get, put time.Duration
	puts     atomic.Int64
}

func newDistant(get, put time.Duration) *distant {
	return &distant{shared: newShared(), get: get, put: put}
}

func wait(d time.Duration) {
	if d > 0 {
		time.Sleep(d)
	}
}

func (d *distant) Get(ctx context.Context, key string) (storage.Document, error) {
	wait(d.get)
	return d.shared.Get(ctx, key)
}

func (d *distant) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	wait(d.get)
	return d.shared.GetIfChanged(ctx, key, known)
}

func (d *distant) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	d.puts.Add(1)
	wait(d.put)
	return d.shared.Create(ctx, key, body)
}

func (d *distant) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	d.puts.Add(1)
	wait(d.put)
	return d.shared.Replace(ctx, key, body, version)
}

// naive increments by compare-and-swap, each request for itself.
func naive(ctx context.Context, s storage.Store, key string) error {
	for {
		doc, err := s.Get(ctx, key)
		n := 0
		switch {
		case errors.Is(err, storage.ErrNotFound):
		case err != nil:
			return err
		default:
			if err := json.Unmarshal(doc.Body, &n); err != nil {
				return err
			}
		}
		body := fmt.Append(nil, n+1)
		if doc.Version == "" {
			_, err = s.Create(ctx, key, body)
		} else {
			_, err = s.Replace(ctx, key, body, doc.Version)
		}
		if !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
}

// drive spreads b.N operations over writers and reports their rate and
// latency.
func drive(b *testing.B, writers int, update func(w int) error) {
	b.Helper()
	var next atomic.Int64
	latencies := make([][]time.Duration, writers)
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				began := time.Now()
				if err := update(w); err != nil {
					b.Error(err)
					return
				}
				latencies[w] = append(latencies[w], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkHotKey is 64 writers on one key, by the ledger and by a
// compare-and-swap a request.
func BenchmarkHotKey(b *testing.B) {
	for _, c := range []struct {
		name     string
		get, put time.Duration
	}{{"memory", 0, 0}, {"25ms-put-12ms-get", 12 * time.Millisecond, 25 * time.Millisecond}, {"40ms", 40 * time.Millisecond, 40 * time.Millisecond}} {
		b.Run(c.name+"/ledger", func(b *testing.B) {
			s := newDistant(c.get, c.put)
			l := ledger.New(s, ledger.Options[int]{})
			drive(b, 64, func(int) error {
				_, err := l.Update(context.Background(), "hot", ledger.Op[int]{Apply: add(1)})
				return err
			})
			b.ReportMetric(float64(b.N)/float64(s.puts.Load()), "op/put")
			_ = l.Close(context.Background())
		})
		if c.put == 0 {
			continue // without waiting there are no conflicts
		}
		b.Run(c.name+"/naive", func(b *testing.B) {
			s := newDistant(c.get, c.put)
			drive(b, 64, func(int) error { return naive(context.Background(), s, "hot") })
			b.ReportMetric(float64(b.N)/float64(s.puts.Load()), "op/put")
		})
	}
}

// BenchmarkProcesses is one hot key at 40 ms a call with 64 writers in each of
// some ledgers.
func BenchmarkProcesses(b *testing.B) {
	for _, n := range []int{1, 2, 3} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := newDistant(40*time.Millisecond, 40*time.Millisecond)
			ledgers := make([]*ledger.Ledger[int], n)
			for i := range ledgers {
				ledgers[i] = ledger.New(s, ledger.Options[int]{})
			}
			drive(b, 64*n, func(w int) error {
				_, err := ledgers[w%n].Update(context.Background(), "hot", ledger.Op[int]{Apply: add(1)})
				return err
			})
			for _, l := range ledgers {
				_ = l.Close(context.Background())
			}
		})
	}
}

// BenchmarkSpread is 64 writers on 1,000 keys in memory: what the ledger
// itself costs.
func BenchmarkSpread(b *testing.B) {
	l := ledger.New(memstore.New(), ledger.Options[int]{})
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("key", i)
	}
	var next atomic.Int64
	b.ReportAllocs()
	drive(b, 64, func(int) error {
		_, err := l.Update(context.Background(), keys[next.Add(1)%1000], ledger.Op[int]{Apply: add(1)})
		return err
	})
	_ = l.Close(context.Background())
}

func BenchmarkRead(b *testing.B) {
	for name, s := range map[string]storage.Store{"sole-owner": memstore.New(), "shared": newShared()} {
		b.Run(name, func(b *testing.B) {
			l := ledger.New(s, ledger.Options[int]{})
			if _, err := l.Update(context.Background(), "k", ledger.Op[int]{Apply: add(1)}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := l.Read(context.Background(), "k"); err != nil {
						b.Error(err)
						return
					}
				}
			})
			_ = l.Close(context.Background())
		})
	}
}

// BenchmarkEnvelope is the cost of a document of 20 items with a full memory.
func BenchmarkEnvelope(b *testing.B) {
	s := memstore.New()
	l := ledger.New(s, ledger.Options[[]string]{})
	for i := range 300 {
		_, err := l.Update(context.Background(), "k", ledger.Op[[]string]{Apply: func(st ledger.State[[]string]) (ledger.Change[[]string], error) {
			doc := slices.Clone(st.Doc)
			if len(doc) == 20 {
				doc = doc[1:]
			}
			return ledger.Change[[]string]{Doc: append(doc, fmt.Sprintf("%060d", i)), Result: fmt.Appendf(nil, "%036d", i)}, nil
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	doc, err := s.Get(context.Background(), "k")
	if err != nil {
		b.Fatal(err)
	}
	_ = l.Close(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		cold := ledger.New(s, ledger.Options[[]string]{})
		if _, err := cold.Update(context.Background(), "k", appendOp("x")); err != nil {
			b.Fatal(err)
		}
		if err := cold.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		fresh := memstore.New()
		if _, err := fresh.Create(context.Background(), "k", doc.Body); err != nil {
			b.Fatal(err)
		}
		s = fresh
	}
	b.ReportMetric(float64(len(doc.Body)), "bytes")
}
