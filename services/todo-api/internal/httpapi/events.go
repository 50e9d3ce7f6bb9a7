package httpapi

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
)

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
	ctx, cancel := context.WithCancel(context.Background())
	// The deadline is for the first read alone; the watch has none.
	deadline := time.AfterFunc(s.opts.RequestTimeout, cancel)
	snapshots, err := s.ledger.Watch(ctx, string(name))
	if err != nil || !deadline.Stop() {
		cancel()
		s.streams.Add(-1)
		if err == nil {
			err = context.DeadlineExceeded
		}
		return err
	}
	stream := &eventStream{
		server:    s,
		conn:      c.Context().Conn(),
		base:      base,
		seen:      revision(string(c.Request().Header.Peek("Last-Event-ID"))),
		snapshots: snapshots,
	}
	s.ended.Add(1)
	s.opts.Metrics.Streams.Inc()
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer func() {
			cancel()
			s.streams.Add(-1)
			s.opts.Metrics.Streams.Dec()
			s.ended.Done()
		}()
		stream.run(w)
	})
	return nil
}

// eventStream is one client that follows a list. It outlives the request that
// began it, so nothing in it is fiber's but the connection.
type eventStream struct {
	server    *Server
	conn      net.Conn
	base      string
	seen      revision
	snapshots <-chan snapshot
}

func (e *eventStream) run(w *bufio.Writer) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	_, _ = w.WriteString("retry: 2000\n\n") // the flush tells
	if !e.flush(w) {
		return
	}
	for {
		select {
		case <-e.server.closing:
			return
		case snap, ok := <-e.snapshots:
			if !ok {
				return
			}
			at := snapshotRevision(snap)
			if at == e.seen {
				continue
			}
			e.seen = at
			// Errors stay with the writer until the flush.
			_, _ = w.WriteString("event: list\nid: " + string(at) + "\ndata: ")
			_, _ = w.Write(eventJSON(snap, e.base))
			_, _ = w.WriteString("\n\n")
			e.server.opts.Metrics.StreamEvents.Inc()
		case <-tick.C:
			_, _ = w.WriteString(":\n\n")
		}
		if !e.flush(w) {
			return
		}
	}
}

// flush sends what was written, and reports whether the client is still there.
// A deadline for the whole answer would end every stream; one for each piece
// ends those whose client does not read.
func (e *eventStream) flush(w *bufio.Writer) bool {
	return e.conn.SetWriteDeadline(time.Now().Add(streamWrite)) == nil && w.Flush() == nil
}
