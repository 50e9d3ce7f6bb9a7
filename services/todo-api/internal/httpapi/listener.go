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
	"golang.org/x/time/rate"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
)

// Closing a connection while the client still sends resets it, and the client may
// never see the response (RFC 9112, section 9.6). Therefore the server first reads
// the rest of a body that is too large, for a limited time.
const (
	lingerFor   = 3 * time.Second
	lingerBytes = 64 << 20
)

// writeChunk is the part of a response that a client must read within the write
// timeout. A deadline for the whole response would cut off slow clients.
const writeChunk = 64 << 10

// listener accepts connections until it is closed. It survives temporary errors.
type listener struct {
	net.Listener
	writeTimeout time.Duration
	log          *slog.Logger
	metrics      *metrics.Set
	failures     rate.Sometimes // limits the log lines about errors

	closeOnce sync.Once
	closed    chan struct{}
	slots     chan struct{} // one element per open connection; nil means no limit

	mu    sync.Mutex
	conns map[*conn]struct{}

	drain atomic.Int64 // Unix time in ns at which connections end; 0 means never
}

func newListener(l net.Listener, maxConns int, writeTimeout time.Duration, log *slog.Logger, set *metrics.Set) *listener {
	out := &listener{
		Listener: l, writeTimeout: writeTimeout, log: log, metrics: set,
		failures: rate.Sometimes{Interval: time.Minute},
		closed:   make(chan struct{}), conns: make(map[*conn]struct{}),
	}
	if maxConns > 0 {
		out.slots = make(chan struct{}, maxConns)
	}
	return out
}

const longestAcceptPause = time.Second

// Accept returns the next connection. When the process lacks descriptors or
// memory, Accept waits and retries, as net/http does: clients that disconnect
// free them. It returns an error only if the listener is closed or unusable.
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
		l.failures.Do(func() { l.log.Warn("connections cannot be accepted at present", slog.Any("error", err)) })
		select {
		case <-time.After(pause):
		case <-l.closed:
			return nil, io.EOF
		}
	}
}

// permanent reports whether a listener that returned err never accepts again.
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

// endBy ends all connections at a time. Otherwise a client that neither reads nor
// sends would delay the shutdown.
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

// conn is a connection that fails if its client stops reading.
type conn struct {
	net.Conn
	listener *listener
	linger   atomic.Bool
	inBody   bool // set by the goroutine that reads
	once     sync.Once
}

// Read implements [net.Conn]. An EOF within a body is an error: fasthttp would take it
// for the end of a chunked body.
func (c *conn) Read(p []byte) (n int, err error) {
	if n, err = c.Conn.Read(p); err == io.EOF && c.inBody { //nolint:errorlint // a Conn returns io.EOF itself
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Write implements [net.Conn]. The write timeout applies to each chunk.
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
			// Any error ends the reading.
			_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
	}
	c.once.Do(func() { c.listener.remove(c) })
	return c.Conn.Close()
}
