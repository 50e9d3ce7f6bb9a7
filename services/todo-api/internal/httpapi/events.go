package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

const heartbeat = 15 * time.Second

// watchList answers with Server-Sent Events (HTML standard, 9.2).
func (s *Server) watchList(c *fiber.Ctx, _ *request) error {
	name, err := listName(c)
	if err != nil {
		return err
	}
	base, err := s.base(c, name)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store, no-transform")
	c.Set("X-Accel-Buffering", "no")
	if c.Method() == http.MethodHead {
		return nil
	}
	if s.streams.Add(1) > int64(s.opts.MaxStreams) {
		s.streams.Add(-1)
		return overloaded.retryable("At most %d event streams are open at a time.", s.opts.MaxStreams)
	}
	from := clientAt(s.clientAddress(c))
	if !s.open.enter(from) {
		s.streams.Add(-1)
		return tooManyRequests.retryable("One client may have %d event streams open.", s.opts.ClientStreams)
	}
	ctx, cancel := context.WithCancel(context.Background())
	// The deadline is for the first read alone; the watch has none.
	deadline := time.AfterFunc(s.opts.RequestTimeout, cancel)
	snapshots, err := s.opts.Lists.Watch(ctx, name)
	if err != nil || !deadline.Stop() {
		cancel()
		s.streams.Add(-1)
		s.open.leave(from)
		if err == nil {
			err = context.DeadlineExceeded
		}
		return err
	}
	stream := &eventStream{
		from:      from,
		server:    s,
		name:      name,
		base:      base,
		seen:      lists.Revision(string(c.Request().Header.Peek("Last-Event-ID"))),
		snapshots: snapshots,
		ctx:       ctx,
		cancel:    cancel,
	}
	head := responseHead(c)
	s.ended.Add(1)
	s.opts.Metrics.Streams.Inc()
	// fasthttp would keep its buffers and a second goroutine for each stream:
	// 37 KB. A connection that is taken from it costs what it needs.
	c.Context().HijackSetNoResponse(true)
	c.Context().Hijack(func(conn net.Conn) {
		if hijacked, ok := conn.(interface{ UnsafeConn() net.Conn }); ok {
			conn = hijacked.UnsafeConn()
		}
		go stream.run(conn, head)
	})
	return nil
}

// responseHead is the answer's status line and headers, for a body that ends
// with the connection.
func responseHead(c *fiber.Ctx) []byte {
	head := bytes.NewBufferString("HTTP/1.1 200 OK\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	for name, value := range c.Response().Header.All() {
		switch string(name) {
		case fiber.HeaderContentLength, fiber.HeaderTransferEncoding, fiber.HeaderConnection, fiber.HeaderDate:
		default:
			head.Write(name)
			head.WriteString(": ")
			head.Write(value)
			head.WriteString("\r\n")
		}
	}
	head.WriteString("Connection: close\r\n\r\n")
	return head.Bytes()
}

// eventStream is one client that follows a list. It outlives the request that
// began it, so nothing in it is fiber's.
type eventStream struct {
	from      client
	server    *Server
	name      todo.Name
	base      string
	number    uint64 // of the last snapshot
	seen      lists.Revision
	snapshots <-chan lists.Snapshot
	ctx       context.Context // ends the watch
	cancel    context.CancelFunc
}

func (e *eventStream) run(conn net.Conn, head []byte) {
	defer func() {
		e.cancel()
		conn.Close()
		e.server.streams.Add(-1)
		e.server.open.leave(e.from)
		e.server.opts.Metrics.Streams.Dec()
		e.server.ended.Done()
	}()
	if !send(conn, append(head, "retry: 2000\n\n"...)) {
		return
	}
	here := e.server.watchers.enter(e.name)
	defer e.server.watchers.leave(e.name, here)
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for beat := false; ; {
		select {
		case <-e.server.closing:
			return
		case snap, ok := <-e.snapshots:
			if !ok {
				return
			}
			e.number = snap.Revision
			if lists.RevisionOf(snap) != e.seen {
				e.see(snap)
				if !e.sendList(conn, snap) {
					return
				}
				e.server.opts.Metrics.StreamEvents.Inc()
			}
			if beat {
				continue
			}
			beat = true
		case <-here.changed:
			if !beat {
				continue // the first event comes first
			}
		case <-tick.C:
		}
		// A client that left shows only when it is written to.
		if !send(conn, fmt.Appendf(nil, "event: heartbeat\ndata: {\"revision\":%d,\"here\":%d}\n\n", e.number, here.count())) {
			return
		}
	}
}

// send reports whether the client is still there. The connection's own write
// timeout ends streams whose client does not read.
func send(conn net.Conn, text []byte) bool {
	_, err := conn.Write(text)
	return err == nil
}

// sendList sends the event that tells of a snapshot, or of a later one if there
// is one by the time at which there is memory for it.
func (e *eventStream) sendList(conn net.Conn, snap lists.Snapshot) bool {
	todos := snap.Doc.Todos()
	size := todos.Size(e.base)
	if size <= smallList {
		text := append(make([]byte, 0, 512+size), eventHead(snap)...)
		return send(conn, append(todos.Append(text, e.base), "}\n\n"...))
	}
	giveBack, err := e.server.events.take(e.ctx, int64(size))
	if err != nil {
		return false
	}
	defer giveBack()
	select {
	case later, ok := <-e.snapshots:
		if !ok {
			return false
		}
		e.see(later)
		snap, todos = later, later.Doc.Todos()
	default:
	}
	return send(conn, eventHead(snap)) && sendFrom(conn, todos.Reader(e.base)) && send(conn, []byte("}\n\n"))
}

// see notes which snapshot the client gets next.
func (e *eventStream) see(snap lists.Snapshot) {
	e.number, e.seen = snap.Revision, lists.RevisionOf(snap)
}

// eventHead is the beginning of the event that tells of a snapshot, up to its
// items.
func eventHead(s lists.Snapshot) []byte {
	return append(fmt.Appendf(nil, "event: list\nid: %s\ndata: ", lists.RevisionOf(s)), wholeHead(s)...)
}

func sendFrom(conn net.Conn, r io.WriterTo) bool {
	_, err := r.WriteTo(conn)
	return err == nil
}
