//go:build torture

package torture

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// bus is the Redis or Valkey server for hints between servers. It keeps its address
// when it is killed and started again. It is not safe for concurrent use.
type bus struct {
	t         *testing.T
	address   string
	server    *server.Server // nil while it is down
	kills     int
	published int // hints, until the last kill
}

func newBus(t *testing.T) *bus {
	return &bus{t: t, address: freeport.Address(t)}
}

// environ makes a server use the bus.
func (b *bus) environ() []string {
	if b == nil {
		return nil
	}
	return []string{"TODO_HINTS=redis://" + b.address}
}

// toggle starts the bus if it is down, and otherwise kills it with SIGKILL.
func (b *bus) toggle() {
	switch {
	case b == nil:
	case b.server != nil:
		b.published += b.hints()
		b.server.Kill()
		b.server = nil
		b.kills++
	default:
		b.server = server.Start(b.t, server.Redis(b.address))
	}
}

var publishCalls = regexp.MustCompile(`cmdstat_publish:calls=(\d+)`)

// hints returns the number of hints published since the bus was started.
func (b *bus) hints() int {
	conn, err := net.Dial("tcp", b.address)
	if err != nil {
		b.t.Error(err)
		return 0
	}
	defer conn.Close()
	// QUIT closes the connection after the answer.
	_, _ = io.WriteString(conn, "INFO commandstats\r\nQUIT\r\n")
	text, err := io.ReadAll(conn)
	if err != nil {
		b.t.Errorf("INFO of the bus: %v", err)
	}
	calls := publishCalls.FindSubmatch(text)
	if calls == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(calls[1]))
	return n
}

// followers follow lists, each at one server, which may be killed and restarted at
// another address.
type followers struct {
	all   []*follower
	leave context.CancelFunc
	done  sync.WaitGroup
	http  http.Client
}

// follow starts followers of each list: as many as each says, one at each server.
func (u *users) follow(ctx context.Context, each int, server func(n int) string) *followers {
	f := &followers{http: http.Client{Transport: &http.Transport{}}}
	ctx, f.leave = context.WithCancel(ctx)
	for n := range each {
		for _, h := range u.histories {
			one := &follower{history: h, http: &f.http, server: func() string { return server(n) }}
			f.all = append(f.all, one)
			f.done.Go(func() { one.run(ctx) })
		}
	}
	return f
}

// settle waits until each follower has seen the last revision of its list.
func (f *followers) settle(t *testing.T, log *commits) {
	t.Helper()
	for _, one := range f.all {
		want := uint64(len(log.of(one.history.name).revisions))
		if !comes(func() bool { return one.last() >= want }) {
			one.history.violate("stale", "a follower was told of revision %d, the store has %d", one.last(), want)
		}
	}
	f.leave()
	f.done.Wait()
	f.http.CloseIdleConnections()
}
