//go:build redis

package redishints_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/redishints"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/redishints/redistest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// It checks once a second whether its client was closed.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"),
	)
}

// node is one process: a ledger on a shared store, and its bus.
type node struct {
	*ledger.Ledger[int]
	bus       *redishints.Bus
	listening chan bool
	gets      *atomic.Int64
	outcomes  map[ledger.HintOutcome]*atomic.Int64
}

type counted struct {
	storage.Store
	gets *atomic.Int64
}

func (c counted) Get(ctx context.Context, key string) (storage.Document, error) {
	c.gets.Add(1)
	return c.Store.Get(ctx, key)
}

// join starts a node. It does not poll, so it sees changes by hints only.
func join(t *testing.T, store storage.Store, address string) *node {
	t.Helper()
	bus, err := redishints.New(address)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{bus: bus, listening: make(chan bool, 16), gets: new(atomic.Int64), outcomes: make(map[ledger.HintOutcome]*atomic.Int64)}
	for _, o := range []ledger.HintOutcome{ledger.HintFound, ledger.HintKnown, ledger.HintUnused, ledger.HintFalse, ledger.HintMissed} {
		n.outcomes[o] = new(atomic.Int64)
	}
	n.Ledger = ledger.New[int](counted{store, n.gets}, ledger.Options[int]{
		Hints: bus, Logger: slog.New(slog.DiscardHandler),
		WatchFastest: time.Hour, WatchSlowest: time.Hour, WatchHinted: time.Hour,
		Observer: ledger.Observer{
			Listening: func(arrive bool) { n.listening <- arrive },
			Hint:      func(_ string, o ledger.HintOutcome) { n.outcomes[o].Add(1) },
		},
	})
	t.Cleanup(func() {
		if err := errors.Join(n.Close(context.Background()), bus.Close()); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *node) watch(t *testing.T, key string) <-chan ledger.Snapshot[int] {
	t.Helper()
	ch, err := n.Watch(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	<-ch
	return ch
}

func (n *node) increment(t *testing.T, key string) {
	t.Helper()
	_, err := ledger.Do(t.Context(), n.Ledger, key, func(v int) (int, error) { return v + 1, nil })
	if err != nil {
		t.Fatal(err)
	}
}

// until receives until a snapshot equals want.
func until(t *testing.T, ch <-chan ledger.Snapshot[int], want int) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case s := <-ch:
			if s.Doc == want {
				return
			}
		case <-limit:
			t.Fatalf("%d was not seen within a minute", want)
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestHintsTravel(t *testing.T) {
	server := redistest.Start(t)
	store := struct{ storage.Store }{memstore.New()}
	here, there := join(t, store, server.URL()), join(t, store, server.URL())
	if !<-here.listening || !<-there.listening {
		t.Fatal("a node does not listen")
	}
	for _, key := range []string{"k", "a key with spaces", "ação/~"} {
		ch := here.watch(t, key)
		for i := range 20 {
			there.increment(t, key)
			until(t, ch, i+1)
		}
	}
	if err := there.Forget(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	// A hint may come before the answer that counts it as published.
	eventually(t, "hints of both kinds", func() bool {
		return here.outcomes[ledger.HintFound].Load() >= 61 && there.bus.Stats().Published >= 61
	})
	if got := here.outcomes[ledger.HintFalse].Load(); got > 0 {
		t.Errorf("false hints: got %d, want none", got)
	}
	if got := there.bus.Stats(); got.Published != 61 || got.Dropped+got.Ignored > 0 {
		t.Errorf("got %+v, want 61 published and nothing else", got)
	}
}

// The bus is killed under load and restarted: nothing is lost, hints of commits
// in the meantime arrive after the restart, and later hints arrive too.
func TestHintsServerKilled(t *testing.T) {
	server := redistest.Start(t)
	store := struct{ storage.Store }{memstore.New()}
	here, there := join(t, store, server.URL()), join(t, store, server.URL())
	<-here.listening
	<-there.listening
	ch := here.watch(t, "k")
	total := 0
	for range 3 {
		for range 50 {
			there.increment(t, "k")
			total++
		}
		until(t, ch, total)
		server.Kill()
		if <-here.listening || <-there.listening {
			t.Fatal("a node listens to a killed server")
		}
		for range 50 { // writes continue
			there.increment(t, "k")
			total++
		}
		server.Start()
		if !<-here.listening || !<-there.listening {
			t.Fatal("a node does not listen to the restarted server")
		}
		there.increment(t, "k")
		total++
		until(t, ch, total)
	}
}

// A node works while the server is missing.
func TestHintsServerMissing(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	store := struct{ storage.Store }{memstore.New()}
	n := join(t, store, server.URL())
	if <-n.listening {
		t.Fatal("it listens without a server")
	}
	for i := range 5000 {
		n.increment(t, fmt.Sprint("key", i))
	}
	eventually(t, "hints that wait beyond the bound are dropped", func() bool { return n.bus.Stats().Dropped > 0 })
	server.Start()
	if !<-n.listening {
		t.Fatal("it does not listen to the started server")
	}
	eventually(t, "those that waited are published", func() bool { return n.bus.Stats().Published >= 4096 })
}

// A bus that may receive hints but not send them reports that it does not listen.
func TestHintsMayNotBeSent(t *testing.T) {
	server := redistest.Start(t)
	u, _ := url.Parse(server.URL())
	admin := redis.NewClient(&redis.Options{Addr: u.Host})
	defer admin.Close()
	may := func(publish string) {
		if err := admin.Do(t.Context(), "ACL", "SETUSER", "default", publish).Err(); err != nil {
			t.Fatal(err)
		}
	}
	may("-publish")
	n := join(t, struct{ storage.Store }{memstore.New()}, server.URL())
	if !<-n.listening {
		t.Fatal("it does not listen")
	}
	n.increment(t, "k")
	if <-n.listening {
		t.Fatal("it listens again before the hint could be sent")
	}
	may("+publish")
	if !<-n.listening {
		t.Fatal("it does not listen after the hint could be sent")
	}
	if got := n.bus.Stats().Published; got != 1 {
		t.Errorf("published: got %d hints, want the one that waited", got)
	}
}

// After a failover, the demoted server accepts hints, but does not deliver them to
// listeners of the new primary. The bus does not use it.
func TestHintsToReplica(t *testing.T) {
	server := redistest.Start(t)
	primary := redistest.Start(t)
	u, _ := url.Parse(server.URL())
	admin := redis.NewClient(&redis.Options{Addr: u.Host})
	defer admin.Close()
	p, _ := url.Parse(primary.URL())
	demote := func(host, port string) {
		if err := admin.ReplicaOf(t.Context(), host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	n := join(t, struct{ storage.Store }{memstore.New()}, server.URL())
	if !<-n.listening {
		t.Fatal("it does not listen")
	}
	demote(p.Hostname(), p.Port())
	if <-n.listening {
		t.Fatal("it listens to a replica")
	}
	demote("NO", "ONE")
	if !<-n.listening {
		t.Fatal("it does not listen to the primary")
	}
	n.increment(t, "k")
	eventually(t, "the hint is published", func() bool { return n.bus.Stats().Published == 1 })
	for _, kind := range []string{"normal", "pubsub"} { // as Sentinel does after a failover
		if err := admin.ClientKillByFilter(t.Context(), "TYPE", kind, "SKIPME", "yes").Err(); err != nil {
			t.Fatal(err)
		}
	}
	if <-n.listening || !<-n.listening {
		t.Fatal("it does not listen again after its connections were killed")
	}
	n.increment(t, "k")
	eventually(t, "the next hint is published", func() bool { return n.bus.Stats().Published == 2 })
}

// Messages of other programs, floods and false revisions do no harm.
func TestFalseHints(t *testing.T) {
	server := redistest.Start(t)
	store := struct{ storage.Store }{memstore.New()}
	here, there := join(t, store, server.URL()), join(t, store, server.URL())
	<-here.listening
	<-there.listening
	there.increment(t, "k")
	// Its hint may come before or after the watch: wait, so that it counts in one way.
	eventually(t, "the hint of the other process arrived", func() bool { return here.outcomes[ledger.HintUnused].Load() == 1 })
	ch := here.watch(t, "k")
	u, _ := url.Parse(server.URL())
	liar := redis.NewClient(&redis.Options{Addr: u.Host})
	defer liar.Close()
	sender := strings.Repeat("L", 26)
	before := here.gets.Load()
	const rounds = 200
	for i := range rounds {
		_, err := liar.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for _, text := range []string{
				"another program's message", `{"event":"x"}`, strings.Repeat("x", 1<<16), "\x00\xff",
				fmt.Sprintf("%s %d k", sender, uint64(math.MaxUint64)-uint64(i)),
				fmt.Sprintf("%s 1 k", sender),
				fmt.Sprintf("%s 0 k", sender),
				fmt.Sprintf("%s 9 ../other%d", sender, i),
			} {
				p.Publish(t.Context(), "todo-api.hints.1", text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all of it arrived", func() bool {
		return here.bus.Stats().Ignored == 4*rounds && here.outcomes[ledger.HintUnused].Load() == 1+rounds
	})
	if got := here.gets.Load() - before; got > 3 {
		t.Errorf("reads of the store: got %d, want at most 3: false hints are looked into once in an interval", got)
	}
	if got := here.Stats().Keys; got != 1 {
		t.Errorf("keys in memory: got %d, want 1", got)
	}
	here.increment(t, "k")
	until(t, ch, 2)
}

// A pause in the middle of a message, longer than the bus waits before a ping, must
// not lose the message.
func TestPauseWithinMessage(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go pauseWithinMessage(conn)
		}
	}()
	n := join(t, struct{ storage.Store }{memstore.New()}, "redis://"+l.Addr().String())
	eventually(t, "the hint", func() bool { return n.outcomes[ledger.HintUnused].Load() == 1 })
	if <-n.listening; len(n.listening) > 0 {
		t.Error("the subscription failed")
	}
}

// pauseWithinMessage is a server that sends a message in two parts. It waits for a
// ping between them.
func pauseWithinMessage(conn net.Conn) {
	defer conn.Close()
	const hint = "LLLLLLLLLLLLLLLLLLLLLLLLLL 1 k"
	begin, rest, _ := strings.Cut(fmt.Sprintf("*3\r\n$7\r\nmessage\r\n|$16\r\ntodo-api.hints.1\r\n$%d\r\n%s\r\n", len(hint), hint), "|")
	for in := bufio.NewScanner(conn); in.Scan(); {
		answer := ""
		switch strings.ToLower(in.Text()) {
		case "hello":
			answer = "-ERR unknown command\r\n"
		case "client":
			answer = "+OK\r\n"
		case "subscribe":
			answer = "*3\r\n$9\r\nsubscribe\r\n$16\r\ntodo-api.hints.1\r\n:1\r\n" + begin
		case "ping":
			answer = rest + "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
			rest = ""
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}
