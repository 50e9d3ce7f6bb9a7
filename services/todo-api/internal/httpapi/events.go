package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
	"weak"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// heartbeatInterval is the default interval between heartbeats.
const heartbeatInterval = 15 * time.Second

// halfClosedHeartbeat is the maximum interval after the client has closed its half
// of the connection. Closing the other half sends nothing, so only a write detects
// it.
const halfClosedHeartbeat = time.Second / 4

// watchList sends Server-Sent Events (HTML standard, section 9.2).
func (s *Server) watchList(c *fiber.Ctx, r *request) error {
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store, no-transform")
	c.Set("X-Accel-Buffering", "no")
	if c.Method() == http.MethodHead {
		return nil
	}
	from := s.clientOf(c)
	if err := s.open.enter(s.closing, from); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	// The deadline applies to the first read only; the watch has none.
	deadline := time.AfterFunc(s.opts.RequestTimeout, cancel)
	snapshots, err := s.opts.Lists.Watch(ctx, r.list)
	if err != nil || !deadline.Stop() {
		cancel()
		s.open.leave(from)
		if err == nil {
			err = context.DeadlineExceeded
		}
		return err
	}
	stream := &eventStream{
		from:      from,
		until:     r.person.Expires,
		server:    s,
		name:      r.list,
		base:      r.base,
		seen:      lists.Revision(string(c.Request().Header.Peek("Last-Event-ID"))),
		changes:   c.Context().QueryArgs().GetBool("changes"),
		snapshots: snapshots,
		ctx:       ctx,
		cancel:    cancel,
	}
	head := responseHead(c)
	s.ended.Add(1)
	s.opts.Metrics.Streams.Inc()
	// fasthttp would keep its buffers and a second goroutine for each stream,
	// 37 KB in all. A hijacked connection needs less.
	c.Context().HijackSetNoResponse(true)
	c.Context().Hijack(func(conn net.Conn) {
		if hijacked, ok := conn.(interface{ UnsafeConn() net.Conn }); ok {
			conn = hijacked.UnsafeConn()
		}
		go stream.run(conn, head)
	})
	return nil
}

// responseHead returns the status line and headers of a response whose body ends
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

// eventStream is one client that watches a list. It outlives its request, so it
// must not refer to memory of fiber.
type eventStream struct {
	from      client
	until     time.Time // expiry of the client's token; zero means never
	server    *Server
	name      todo.Name
	base      string
	number    uint64 // of the last snapshot
	seen      lists.Revision
	changes   bool            // the client takes deltas
	shown     *lists.Document // the document of seen, unless an event is being sent
	snapshots <-chan lists.Snapshot
	ctx       context.Context // ends the watch
	cancel    context.CancelFunc
}

// run sends events until the stream ends. While it waits, its frame is the part of the
// stack that this package can make smaller: the runtime shrinks a stack of 8 KB only if
// less than 2 KB of it are in use.
func (e *eventStream) run(conn net.Conn, head []byte) {
	defer func() {
		e.cancel()
		conn.Close()
		e.server.open.leave(e.from)
		e.server.opts.Metrics.Streams.Dec()
		e.server.ended.Done()
	}()
	if !send(conn, append(head, "retry: 2000\n\n"...)) {
		return
	}
	here := e.server.watchers.enter(e.name)
	defer e.server.watchers.leave(e.name, here)
	hungUp := make(chan struct{}, 1)
	defer e.server.hangups.watch(conn, hungUp)()
	tick := time.NewTicker(e.server.opts.heartbeat)
	defer tick.Stop()
	var expired <-chan time.Time // nil means never
	if !e.until.IsZero() {
		timer := time.NewTimer(time.Until(e.until))
		defer timer.Stop()
		expired = timer.C
	}
	for beat := false; ; {
		select {
		case <-e.server.closing:
			return
		case <-expired:
			return // the client reconnects with a new token
		case snap, ok := <-e.snapshots:
			if !ok {
				return
			}
			if !e.show(conn, snap) {
				return
			}
			if beat {
				continue
			}
			beat = true
		case <-hungUp:
			tick.Reset(min(e.server.opts.heartbeat, halfClosedHeartbeat))
			if !beat {
				continue // no heartbeat before the first event
			}
		case <-here.changed:
			if !beat {
				continue
			}
		case <-tick.C:
		}
		if !e.sendHeartbeat(conn, here.count()) {
			return
		}
	}
}

// sendHeartbeat reports whether the client still reads, which only a write detects.
func (e *eventStream) sendHeartbeat(conn net.Conn, here int) bool {
	return send(conn, fmt.Appendf(nil, "event: heartbeat\ndata: {\"revision\":%d,\"here\":%d}\n\n", e.number, here))
}

// send writes text and reports whether the client is still connected. The write
// timeout of the connection ends streams whose client does not read.
func send(conn net.Conn, text []byte) bool {
	_, err := conn.Write(text)
	return err == nil
}

// show sends the changes since the last event, if there are any, or the list if the
// changes are unknown or not smaller.
func (e *eventStream) show(conn net.Conn, snap lists.Snapshot) bool {
	e.number = snap.Revision
	if lists.RevisionOf(snap) == e.seen {
		return true
	}
	// A slow client must not keep the document in memory.
	was, from := e.shown, e.seen
	e.shown = nil
	held := weak.Make(snap.Doc)
	e.see(snap)
	var text []byte
	if e.changes {
		text = e.deltas(was, from, snap)
	}
	if text != nil && !send(conn, text) || text == nil && !e.sendList(conn, snap) {
		return false
	}
	e.server.opts.Metrics.StreamEvents.Inc()
	if e.changes && e.seen == lists.RevisionOf(snap) {
		e.shown = held.Value()
	}
	return true
}

// deltas returns the events with all changes from a revision to a snapshot, or
// nil if the list should be sent. was is the document of the revision, or nil.
func (e *eventStream) deltas(was *lists.Document, from lists.Revision, snap lists.Snapshot) []byte {
	var text []byte
	for _, d := range lists.Deltas(was, from, snap) {
		text = appendDelta(text, d, e.base)
	}
	if len(text) > smallList || snap.Doc != nil && len(text) >= snap.Doc.List().Size() {
		return nil
	}
	return text
}

// appendDelta appends the event of a delta.
func appendDelta(dst []byte, d *lists.Delta, base string) []byte {
	dst = fmt.Appendf(dst, "event: changes\nid: %s\ndata: {\"revision\":%d,\"from\":\"%s\"", d.To, d.Number, d.From)
	if d.Title != nil {
		title, _ := json.Marshal(*d.Title) //nolint:errchkjson // a string
		dst = append(append(dst, `,"title":`...), title...)
	}
	dst = d.Changed.Append(append(dst, `,"changed":`...), base)
	dst = append(dst, `,"removed":[`...)
	for i, uid := range d.Removed {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), uid...), '"')
	}
	return append(dst, "]}\n\n"...)
}

// sendList sends the event of a snapshot, or of a newer one if it appears while
// sendList waits for memory.
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

// see records the snapshot that is sent next.
func (e *eventStream) see(snap lists.Snapshot) {
	e.number, e.seen = snap.Revision, lists.RevisionOf(snap)
}

// eventHead returns the beginning of the event of a snapshot, up to its items.
func eventHead(s lists.Snapshot) []byte {
	return append(fmt.Appendf(nil, "event: list\nid: %s\ndata: ", lists.RevisionOf(s)), wholeHead(s)...)
}

func sendFrom(conn net.Conn, r io.WriterTo) bool {
	_, err := r.WriteTo(conn)
	return err == nil
}
