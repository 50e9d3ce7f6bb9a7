//go:build torture

package torture

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
)

// bus is the Redis or Valkey server by which servers hint to one another. It
// keeps its port when it is killed and started again. It is not safe for
// concurrent use.
type bus struct {
	t         *testing.T
	port      string
	cmd       *exec.Cmd // nil while it is down
	kills     int
	published int // hints, until the last kill
}

func newBus(t *testing.T) *bus {
	address, err := freeport.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	b := &bus{t: t, port: port}
	t.Cleanup(b.kill)
	return b
}

// environ makes a server use the bus.
func (b *bus) environ() []string {
	if b == nil {
		return nil
	}
	return []string{"TODO_HINTS=redis://127.0.0.1:" + b.port}
}

func (b *bus) start() {
	b.t.Helper()
	program, err := exec.LookPath("valkey-server")
	if err != nil {
		if program, err = exec.LookPath("redis-server"); err != nil {
			b.t.Fatal("missing: redis-server or valkey-server")
		}
	}
	b.cmd = exec.Command(program, "--bind", "127.0.0.1", "--port", b.port, "--save", "", "--appendonly", "no", "--dir", b.t.TempDir())
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the bus answers", func() bool {
		_, err := b.ask("PING")
		return err == nil
	})
}

// kill ends the bus as kill -9 does, unless it is down.
func (b *bus) kill() {
	if b.cmd == nil {
		return
	}
	b.published += b.hints()
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	b.cmd = nil
	b.kills++
}

// toggle kills the bus, or starts it again.
func (b *bus) toggle() {
	switch {
	case b == nil:
	case b.cmd != nil:
		b.kill()
	default:
		b.start()
	}
}

var publishCalls = regexp.MustCompile(`cmdstat_publish:calls=(\d+)`)

// hints is how many hints were published since the bus was started.
func (b *bus) hints() int {
	text, err := b.ask("INFO commandstats")
	if err != nil {
		b.t.Errorf("INFO of the bus: %v", err)
	}
	calls := publishCalls.FindStringSubmatch(text)
	if calls == nil {
		return 0
	}
	n, _ := strconv.Atoi(calls[1])
	return n
}

// ask sends a command as people type it, and returns the simple or bulk string
// that is the answer.
func (b *bus) ask(command string) (string, error) {
	conn, err := net.Dial("tcp", "127.0.0.1:"+b.port)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	head, err := r.ReadString('\n')
	if err != nil || head[0] != '$' {
		return head, err
	}
	size, err := strconv.Atoi(head[1 : len(head)-2])
	if err != nil {
		return "", err
	}
	text := make([]byte, size)
	_, err = io.ReadFull(r, text)
	return string(text), err
}

// followers follow lists at one server each, which may be killed and started
// at another address.
type followers struct {
	all   []*follower
	leave context.CancelFunc
	done  sync.WaitGroup
	http  http.Client
}

// follow lets each of the servers from first on have a follower of each list.
func (u *users) follow(ctx context.Context, first, servers int) *followers {
	f := &followers{http: http.Client{Transport: &http.Transport{}}}
	ctx, f.leave = context.WithCancel(ctx)
	for i := first; i < servers; i++ {
		for _, h := range u.histories {
			one := &follower{history: h, http: &f.http, server: func() string { return u.servers()[i] }}
			f.all = append(f.all, one)
			f.done.Go(func() { one.run(ctx) })
		}
	}
	return f
}

// settle waits until each follower was told of the last revision of its list.
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
