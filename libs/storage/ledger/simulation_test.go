package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

// The proof by simulation: some processes with a ledger each share a bucket
// that they reach through bad weather; clients append their operations' ids to
// documents, repeat what they got no answer to, at whichever process, and
// read. Time is virtual. Afterwards everything is replayed in commit order.

type world struct {
	processes, keys, clients, operations int
	weather                              weather
	restarts                             bool
	lies                                 bool // the processes have a bus for hints, which lies
	store                                func(*client) storage.Store
	options                              func(ledger.Options[[]string]) ledger.Options[[]string]
}

var stormy = world{processes: 3, keys: 2, clients: 6, operations: 20, weather: storm, restarts: true}

// appended is one operation as its client saw it.
type appended struct {
	id          string
	acked       bool
	refused     bool // every try ended with the word that nothing was applied
	rev         uint64
	index       int
	began, done time.Time
}

type seen struct {
	began, done time.Time
	rev         uint64
	items       []string
	stale       bool
}

type report struct {
	violations []string
	acked, unknown, refused, reads, stale, watched,
	writes, faults int
}

func (r *report) violate(format string, args ...any) {
	r.violations = append(r.violations, fmt.Sprintf(format, args...))
}

// process is a ledger that can be restarted.
type process struct {
	mu   sync.RWMutex
	l    *ledger.Ledger[[]string]
	c    *client
	open func() *ledger.Ledger[[]string]
}

func (p *process) ledger() *ledger.Ledger[[]string] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.l
}

func simulate(t *testing.T, seed uint64, w world) (rep report) {
	synctest.Test(t, func(t *testing.T) { rep = w.run(seed) })
	return rep
}

func (w world) run(seed uint64) (rep report) {
	b, bus := newBucket(), new(air)
	quiet := slog.New(slog.DiscardHandler)
	processes := make([]*process, w.processes)
	for i := range processes {
		p := &process{c: b.client(fmt.Sprint("process", i), seed, w.weather)}
		p.open = func() *ledger.Ledger[[]string] {
			o := ledger.Options[[]string]{Seed: seed + uint64(i) + 1, Logger: quiet, StaleFor: time.Minute}
			if w.lies {
				o.Hints = &liar{antenna: bus.antenna(), dice: rand.New(rand.NewPCG(seed, uint64(i)))}
			}
			if w.options != nil {
				o = w.options(o)
			}
			if w.store != nil {
				return ledger.New(w.store(p.c), o)
			}
			return ledger.New[[]string](p.c, o)
		}
		p.l = p.open()
		processes[i] = p
	}
	var (
		mu      sync.Mutex
		history = make(map[string][]*appended)
		views   = make(map[string][]seen)
		clients sync.WaitGroup
		done    = make(chan struct{})
	)
	for k := range w.keys {
		key := fmt.Sprint("key", k)
		for c := range w.clients {
			clients.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(k*1000+c)))
				home := processes[c%len(processes)]
				for i := range w.operations {
					time.Sleep(time.Duration(r.Int64N(int64(80*time.Millisecond))) + 1)
					if r.IntN(3) == 0 {
						p := processes[r.IntN(len(processes))]
						ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
						s := seen{began: time.Now()}
						got, err := p.ledger().Read(ctx, key)
						cancel()
						if err == nil {
							s.done, s.rev, s.items, s.stale = time.Now(), got.Revision, got.Doc, got.Age > 0
							mu.Lock()
							rep.reads++
							if s.stale {
								rep.stale++
							}
							views[key] = append(views[key], s)
							mu.Unlock()
						}
					}
					op := &appended{id: fmt.Sprintf("%s/%d/%d", key, c, i), began: time.Now(), refused: true}
					for range 12 {
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+r.IntN(8))*time.Second)
						got, err := home.ledger().Update(ctx, key, appendOp(op.id))
						cancel()
						if err == nil {
							op.acked, op.refused, op.rev, op.index = true, false, got.Revision, got.Index
							if !got.Replayed && !slices.Contains(got.Snapshot.Doc, op.id) {
								mu.Lock()
								rep.violate("%s: its receipt's snapshot of revision %d does not have it", op.id, got.Revision)
								mu.Unlock()
							}
							if !b.lasts(key, strconv.Quote(op.id)) {
								mu.Lock()
								rep.violate("%s: acknowledged, and a power cut would lose it", op.id)
								mu.Unlock()
							}
							break
						}
						op.refused = op.refused && !errors.Is(err, ledger.ErrOutcomeUnknown)
						if r.IntN(4) == 0 {
							home = processes[r.IntN(len(processes))]
						}
						if r.IntN(8) == 0 {
							break // this client gives up
						}
						time.Sleep(time.Duration(r.Int64N(int64(300*time.Millisecond))) + 1)
					}
					op.done = time.Now()
					mu.Lock()
					history[key] = append(history[key], op)
					mu.Unlock()
				}
			})
		}
	}
	var watchers sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	for k := range w.keys {
		key := fmt.Sprint("key", k)
		for _, p := range processes {
			watchers.Go(func() {
				for ctx.Err() == nil {
					ch, err := p.ledger().Watch(ctx, key)
					if err != nil {
						time.Sleep(100 * time.Millisecond)
						continue
					}
					var last uint64
					for s := range ch {
						mu.Lock()
						if s.Revision < last {
							rep.violate("%s: a watcher saw revision %d after %d", key, s.Revision, last)
						}
						// Not held to be fresh, but must have been.
						views[key] = append(views[key], seen{rev: s.Revision, items: s.Doc, stale: true})
						rep.watched++
						mu.Unlock()
						last = s.Revision
					}
				}
			})
		}
	}
	var restarts sync.WaitGroup
	if w.restarts {
		restarts.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1<<40))
			for {
				timer := time.NewTimer(time.Duration(r.Int64N(int64(6*time.Second))) + time.Second)
				select {
				case <-done:
					timer.Stop()
					return
				case <-timer.C:
				}
				p := processes[r.IntN(len(processes))]
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.Int64N(int64(3*time.Second)))+1)
				old := p.ledger()
				p.mu.Lock()
				p.l = p.open()
				p.mu.Unlock()
				_ = old.Close(ctx)
				cancel()
			}
		})
	}
	clients.Wait()
	close(done)
	restarts.Wait()
	stop()
	watchers.Wait()
	for _, p := range processes {
		_ = p.ledger().Close(context.Background())
	}
	time.Sleep(time.Minute) // late writes
	final := ledger.New(b.client("judge", seed, calm), ledger.Options[[]string]{Logger: quiet})
	for k := range w.keys {
		key := fmt.Sprint("key", k)
		s, err := final.Read(context.Background(), key)
		if err != nil {
			rep.violate("%s: final read: %v", key, err)
			continue
		}
		judge(&rep, key, s.Doc, history[key], views[key])
	}
	_ = final.Close(context.Background())
	rep.writes = b.writes
	for _, p := range processes {
		rep.faults += p.c.count.faults
	}
	return rep
}

func appendOp(id string) ledger.Op[[]string] {
	return ledger.Op[[]string]{ID: id, Payload: []byte(id), Apply: func(s ledger.State[[]string]) (ledger.Change[[]string], error) {
		return ledger.Change[[]string]{Doc: append(slices.Clip(s.Doc), id), Result: []byte(id)}, nil
	}}
}

// judge replays a key's operations in commit order against what the document
// came to be.
func judge(rep *report, key string, final []string, ops []*appended, views []seen) {
	place := make(map[string]int, len(final))
	for i, id := range final {
		if j, ok := place[id]; ok {
			rep.violate("%s: applied twice, at %d and %d", id, j, i)
		}
		place[id] = i
	}
	var acked []*appended
	for _, op := range ops {
		at, there := place[op.id]
		switch {
		case op.acked:
			rep.acked++
			acked = append(acked, op)
			if !there {
				rep.violate("%s: acknowledged at %d/%d and lost", op.id, op.rev, op.index)
			}
		case op.refused:
			rep.refused++
			if there {
				rep.violate("%s: refused for certain, but there at %d", op.id, at)
			}
		default:
			rep.unknown++
		}
	}
	// Revision and index give the order, which agrees with real time.
	sort.Slice(acked, func(i, j int) bool {
		a, b := acked[i], acked[j]
		return a.rev < b.rev || a.rev == b.rev && a.index < b.index
	})
	latest := time.Time{} // latest begin of those ordered before
	for i, op := range acked {
		if i > 0 {
			before := acked[i-1]
			if place[before.id] >= place[op.id] {
				rep.violate("%s at %d/%d stands before %s at %d/%d", op.id, op.rev, op.index, before.id, before.rev, before.index)
			}
			if before.began.After(latest) {
				latest = before.began
			}
			if op.done.Before(latest) {
				rep.violate("%s ended before one that is ordered before it began", op.id)
			}
		}
	}
	for _, v := range views {
		if len(v.items) > len(final) || !slices.Equal(v.items, final[:len(v.items)]) {
			rep.violate("%s: a read at revision %d shows what never was", key, v.rev)
			continue
		}
		if v.stale {
			continue
		}
		for _, op := range acked {
			if op.done.Before(v.began) && place[op.id] >= len(v.items) {
				rep.violate("%s: stale read of revision %d misses %s of %d", key, v.rev, op.id, op.rev)
			}
			if op.began.After(v.done) && place[op.id] < len(v.items) {
				rep.violate("%s: a read saw %s before it began", key, op.id)
			}
		}
	}
}

// seeds returns those to run: LEDGER_SEED alone, or n from a random start, or
// from LEDGER_SEEDS of them.
func seeds(t *testing.T, n int) []uint64 {
	if s := os.Getenv("LEDGER_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("LEDGER_SEED: %v", err)
		}
		return []uint64{seed}
	}
	if s := os.Getenv("LEDGER_SEEDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("LEDGER_SEEDS: %v", err)
		}
	}
	all := make([]uint64, n)
	start := rand.Uint64() >> 1
	for i := range all {
		all[i] = start + uint64(i)
	}
	return all
}

// getOnly hides every ability of a store but the contract.
type getOnly struct{ storage.Store }

// owned is a store with one writer, such as a disk that fails.
type owned struct{ *client }

func (owned) SoleOwner() bool { return true }

func TestSimulation(t *testing.T) {
	small, plain, disk, busy, lies := stormy, stormy, stormy, stormy, stormy
	small.options = func(o ledger.Options[[]string]) ledger.Options[[]string] {
		o.MaxBatch, o.CallTimeout = 2, 500*time.Millisecond
		return o
	}
	plain.store = func(c *client) storage.Store { return getOnly{c} }
	disk.store = func(c *client) storage.Store { return owned{c} }
	disk.processes, disk.restarts = 1, false
	disk.weather.late = 0 // a disk that is gone does not write
	failing := disk
	failing.weather.fragile, failing.weather.refused = 150, 100
	busy.keys, busy.clients, busy.operations = 1, 40, 5
	lies.lies = true
	for _, c := range []struct {
		name string
		world
		seeds int
	}{
		{"three processes", stormy, 60},
		{"batches of two", small, 15},
		{"without conditional reads", plain, 15},
		{"sole owner", disk, 20},
		{"sole owner, writes that may be lost", failing, 20},
		{"forty writers", busy, 15},
		{"hints, lost and invented", lies, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sum report
			all := seeds(t, c.seeds)
			for _, seed := range all {
				rep := simulate(t, seed, c.world)
				if len(rep.violations) > 0 {
					t.Fatalf("LEDGER_SEED=%d: %d violations:\n%s", seed, len(rep.violations), strings.Join(rep.violations, "\n"))
				}
				sum.acked += rep.acked
				sum.unknown += rep.unknown
				sum.refused += rep.refused
				sum.reads += rep.reads
				sum.stale += rep.stale
				sum.watched += rep.watched
				sum.writes += rep.writes
				sum.faults += rep.faults
			}
			t.Logf("%d seeds from LEDGER_SEED=%d: %d operations acknowledged, %d left unknown, %d refused, %d reads (%d stale and said so), %d snapshots watched, %d writes, %d faults",
				len(all), all[0], sum.acked, sum.unknown, sum.refused, sum.reads, sum.stale, sum.watched, sum.writes, sum.faults)
			if sum.faults == 0 || sum.acked == 0 || sum.watched == 0 {
				t.Error("nothing was put to the proof")
			}
		})
	}
}

// The same proof turns red when any one of the things it rests on is taken
// away.
func TestSimulationFindsAblations(t *testing.T) {
	blind, success := stormy, stormy
	blind.weather.blind = true
	success.weather.conflictIsSuccess = true
	forgetful := stormy
	forgetful.options = ledger.WithoutMemory[[]string]
	for name, w := range map[string]world{
		"If-Match dropped":           blind,
		"409 and 412 taken for done": success,
		"operation memory dropped":   forgetful,
	} {
		t.Run(name, func(t *testing.T) {
			all := seeds(t, 10)
			for _, seed := range all {
				if rep := simulate(t, seed, w); len(rep.violations) > 0 {
					t.Logf("LEDGER_SEED=%d: %d violations, first: %s", seed, len(rep.violations), rep.violations[0])
					return
				}
			}
			t.Errorf("seeds %d to %d found nothing", all[0], all[len(all)-1])
		})
	}
}

var _ storage.Store = (*client)(nil)
