//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// streams is a set of clients that read the events of one list.
type streams struct {
	seen  atomic.Int64  // events read by all clients
	bytes atomic.Int64  // of all lines, without line ends
	last  chan struct{} // has an element when one event for each client has been read
	close func()
}

// openStreams opens n streams and returns when each has its first event.
func (b *bench) openStreams(p *process, path string, n int) *streams {
	b.Helper()
	conns := make([]net.Conn, n)
	var done errgroup.Group
	s := &streams{last: make(chan struct{}, 1), close: func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
		_ = done.Wait()
	}}
	b.Cleanup(s.close)
	var dialers errgroup.Group
	dialers.SetLimit(32)
	head := request(http.MethodGet, p.Addr, path, nil)
	for i := range conns {
		dialers.Go(func() (err error) {
			if conns[i], err = new(net.Dialer).DialContext(b.ctx, "tcp", p.Addr); err != nil {
				return err
			}
			_, err = conns[i].Write(head)
			done.Go(func() error { return s.read(conns[i], int64(n)) })
			return errors.Join(err, conns[i].SetDeadline(time.Now().Add(5*time.Minute))) // longer than any round
		})
	}
	b.check(dialers.Wait())
	b.await(s)
	return s
}

// read counts events until the connection ends.
func (s *streams) read(conn net.Conn, clients int64) error {
	lines := bufio.NewReaderSize(conn, 4096)
	whole := true // line begins at the beginning of a line
	for {
		line, prefix, err := lines.ReadLine()
		if err != nil {
			return err
		}
		s.bytes.Add(int64(len(line)))
		if whole && bytes.HasPrefix(line, []byte("id: ")) && s.seen.Add(1)%clients == 0 {
			s.last <- struct{}{}
		}
		whole = !prefix
	}
}

// await returns when each client has read one more event.
func (b *bench) await(s *streams) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	select {
	case <-ctx.Done():
		b.Fatalf("streams: %v after %d events", ctx.Err(), s.seen.Load())
	case <-s.last:
	}
}

// change sends the next request of a client, which must succeed, and returns the
// time from the request, or from its answer, until every stream has one more
// event.
func (b *bench) change(writer client, s *streams) (sinceSent, sinceAnswered time.Duration) {
	b.Helper()
	sent := time.Now()
	if ok, err := writer.send(b.ctx); err != nil || !ok {
		b.Fatalf("the change was not answered well: %v", err)
	}
	answered := time.Now()
	b.await(s)
	return time.Since(sent), time.Since(answered)
}
