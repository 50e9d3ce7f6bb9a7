package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
)

// A connection that is closed while the client still sends is reset, and the
// client may never see the answer that says why (RFC 9112, 9.6). The rest of a
// body that is too large is therefore read for a while.
const (
	lingerFor   = 3 * time.Second
	lingerBytes = 64 << 20
)

// writeChunk is how much of an answer a client must read within the write
// timeout. A deadline for the whole answer would cut off clients that read
// slowly but do read.
const writeChunk = 64 << 10

// listener accepts connections until it is closed, whatever fails meanwhile.
type listener struct {
	net.Listener
	writeTimeout time.Duration
	log          *slog.Logger
	metrics      *metrics.Set

	closeOnce sync.Once
	closed    chan struct{}
	slots     chan struct{} // one element for each open connection; nil: unbounded

	mu    sync.Mutex
	conns map[*conn]struct{}

	drain atomic.Int64 // Unix time in ns at which connections end; 0: not yet
}

func newListener(l net.Listener, maxConns int, writeTimeout time.Duration, log *slog.Logger, set *metrics.Set) *listener {
	out := &listener{
		Listener: l, writeTimeout: writeTimeout, log: log, metrics: set,
		closed: make(chan struct{}), conns: make(map[*conn]struct{}),
	}
	if maxConns > 0 {
		out.slots = make(chan struct{}, maxConns)
	}
	return out
}

const longestAcceptPause = time.Second

// Accept returns the next connection. A process without descriptors or memory
// for another one gets them back as clients leave, so Accept waits and tries
// again, as net/http does. It returns an error only when the listener is closed
// or unusable.
func (l *listener) Accept() (net.Conn, error) {
	if l.slots != nil {
		select {
		case l.slots <- struct{}{}:
		case <-l.closed:
			return nil, io.EOF
		}
	}
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, longestAcceptPause) {
		accepted, err := l.Listener.Accept()
		if err == nil {
			return l.add(accepted), nil
		}
		if permanent(err) {
			return nil, err
		}
		l.metrics.AcceptFailures.Inc()
		if pause == 5*time.Millisecond || pause == longestAcceptPause {
			l.log.Warn("connections cannot be accepted at present", slog.Any("error", err))
		}
		select {
		case <-time.After(pause):
		case <-l.closed:
			return nil, io.EOF
		}
	}
}

// permanent reports whether a listener that returned err will never accept
// again.
func permanent(err error) bool {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return true
	}
	for _, code := range []syscall.Errno{syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP, syscall.EFAULT} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func (l *listener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *listener) add(accepted net.Conn) *conn {
	c := &conn{Conn: accepted, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	l.metrics.Connections.Inc()
	if end := l.drain.Load(); end != 0 {
		_ = c.SetDeadline(time.Unix(0, end))
	}
	return c
}

func (l *listener) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	l.metrics.Connections.Dec()
	if l.slots != nil {
		<-l.slots
	}
}

// endBy ends every connection by a time: one whose client neither reads nor
// sends would otherwise hold the process up.
func (l *listener) endBy(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drain.Store(at.UnixNano())
	for c := range l.conns {
		_ = c.SetDeadline(at)
	}
}

func (l *listener) bounded(at time.Time) time.Time {
	if end := l.drain.Load(); end != 0 && (at.IsZero() || end < at.UnixNano()) {
		return time.Unix(0, end)
	}
	return at
}

// conn is a connection whose client must go on reading.
type conn struct {
	net.Conn
	listener *listener
	linger   atomic.Bool
	once     sync.Once
}

// Write implements [net.Conn]. Each piece has the write timeout of its own.
func (c *conn) Write(p []byte) (n int, err error) {
	for {
		piece := p[n:min(len(p), n+writeChunk)]
		if err := c.SetWriteDeadline(c.listener.bounded(time.Now().Add(c.listener.writeTimeout))); err != nil {
			return n, err
		}
		wrote, err := c.Conn.Write(piece)
		n += wrote
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// SetReadDeadline implements [net.Conn].
func (c *conn) SetReadDeadline(at time.Time) error {
	return c.Conn.SetReadDeadline(c.listener.bounded(at))
}

// lingerOnClose makes the request's connection linger when it is closed.
func lingerOnClose(c *fiber.Ctx) {
	if conn, ok := c.Context().Conn().(*conn); ok {
		conn.linger.Store(true)
	}
}

func (c *conn) Close() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger.CompareAndSwap(true, false) {
		if half.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerFor)) == nil {
			// The error is the end of the reading in any case.
			_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
	}
	c.once.Do(func() { c.listener.remove(c) })
	return c.Conn.Close()
}
