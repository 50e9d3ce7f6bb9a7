package httpapi

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"golang.org/x/sync/semaphore"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// Requests about large lists reserve the memory that they may need from a budget,
// and wait until enough is free: a thousand at once would otherwise need a thousand
// times the memory of one. Requests about small lists need little memory and do
// not wait.

const (
	// smallList is the size up to which a list or a body is small.
	smallList = 64 << 10
	// readCost and writeCost are the memory that reading and writing a list may
	// need, in multiples of its size.
	readCost, writeCost = 4, 8
)

// memory is a budget in bytes. The zero memory has no bound.
type memory struct {
	total int64
	free  *semaphore.Weighted
}

func newMemory(bytes int64) memory {
	if bytes <= 0 {
		return memory{}
	}
	return memory{bytes, semaphore.NewWeighted(bytes)}
}

// take reserves bytes of the budget, or all of it if that is less. It waits until
// they are free, and returns a function that frees them; only its first call has
// an effect.
func (m *memory) take(ctx context.Context, bytes int64) (giveBack func(), err error) {
	if m.free == nil || bytes == 0 {
		return func() {}, nil
	}
	bytes = min(bytes, m.total)
	if err := m.free.Acquire(ctx, bytes); err != nil {
		return nil, overloaded.retryable("Requests about large lists are waiting for memory. Nothing was changed; try again later.")
	}
	return m.giveBack(bytes), nil
}

// try is take without waiting. It reports whether it reserved the bytes.
func (m *memory) try(bytes int64) (giveBack func(), ok bool) {
	bytes = min(bytes, m.total)
	if !m.free.TryAcquire(bytes) {
		return nil, false
	}
	return m.giveBack(bytes), true
}

func (m *memory) giveBack(bytes int64) func() { return sync.OnceFunc(func() { m.free.Release(bytes) }) }

// memory returns the memory that the operation may need for a list or body of the
// size.
func (o *operation) memory(size int64) int64 {
	switch {
	case size <= smallList:
		return 0
	case o.method == fiber.MethodGet:
		return readCost * size
	}
	return writeCost * size
}

// memoryFor reserves the memory that the request may need.
func (s *Server) memoryFor(ctx context.Context, c *fiber.Ctx, r *request, budget *memory) (giveBack func(), err error) {
	if budget.free == nil {
		return func() {}, nil
	}
	size, known := s.opts.Lists.Size(r.list)
	if !known {
		if giveBack, ok := budget.try(r.op.memory(todo.MaxBytes)); ok {
			return giveBack, nil
		}
		// Unread answers may hold the whole budget. Most lists are small, and only
		// large ones wait for it: read the list to learn its size.
		loaded, err := s.loads.take(ctx, readCost*todo.MaxBytes)
		if err != nil {
			return nil, err
		}
		_, err = s.opts.Lists.Read(ctx, r.list)
		loaded()
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if size, known = s.opts.Lists.Size(r.list); !known {
			size = todo.MaxBytes
		}
	}
	return budget.take(ctx, r.op.memory(max(size, bodySize(c))))
}

// bodySize is the size of the body, or 0 if it was not read.
func bodySize(c *fiber.Ctx) int64 {
	if c.Request().IsBodyStream() {
		return 0
	}
	return int64(len(c.BodyRaw()))
}

// withMemory calls h after reserving memory for it. It frees the memory when the
// answer is complete, or, if the answer is a stream, when it has been sent.
func (s *Server) withMemory(ctx context.Context, c *fiber.Ctx, r *request, h handler) error {
	if r.op.consumes != nil {
		giveBack, err := s.readBody(ctx, c)
		if err != nil {
			return err
		}
		defer giveBack()
	}
	budget := &s.writes
	if r.op.method == fiber.MethodGet {
		budget = &s.reads
	}
	giveBack, err := s.memoryFor(ctx, c, r, budget)
	if err != nil {
		return err
	}
	if err := h(c, r); err != nil {
		giveBack()
		return err
	}
	if stream, ok := c.Response().BodyStream().(*bodyStream); ok {
		stream.done = giveBack
	} else {
		giveBack()
	}
	return nil
}

// bodyStream is the body of a large answer.
type bodyStream struct {
	io.Reader
	done func()
}

// Close is called by fasthttp after sending the body or failing to.
func (b *bodyStream) Close() error {
	if b.done != nil {
		b.done()
	}
	return nil
}

// WriteTo implements [io.WriterTo].
func (b *bodyStream) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, b.Reader) }

// sendStream sends size bytes of JSON without a copy of them in memory.
func sendStream(c *fiber.Ctx, body io.Reader, size int) {
	c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Response().SetBodyStream(&bodyStream{Reader: body}, size)
}

// readBody reads the request's body. fasthttp has read only its beginning, so the
// body of a refused request takes no memory. Slow clients delay only other large
// bodies. Call giveBack when the body is no longer needed.
func (s *Server) readBody(ctx context.Context, c *fiber.Ctx) (giveBack func(), err error) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return func() {}, nil
	}
	length := c.Request().Header.ContentLength()
	if length > maxBody {
		return nil, errBodyTooLarge
	}
	giveBack = func() {}
	if length > smallList || length < 0 {
		if giveBack, err = s.bodies.take(ctx, maxBody); err != nil {
			return nil, err
		}
		// The wait for memory does not count against the client.
		if err := c.Context().Conn().SetReadDeadline(time.Now().Add(s.opts.ReadTimeout)); err != nil {
			giveBack()
			return nil, err
		}
	}
	var body []byte
	if length >= 0 {
		body = make([]byte, length)
		_, err = io.ReadFull(stream, body)
	} else {
		// fasthttp adds trailer fields to the headers. They were not checked, and must
		// not be read as conditions, keys or addresses (RFC 9110, 6.5.1).
		var headers fasthttp.RequestHeader
		c.Request().Header.CopyTo(&headers)
		if conn, ok := c.Context().Conn().(*conn); ok {
			conn.inBody = true
			defer func() { conn.inBody = false }()
		}
		body, err = io.ReadAll(io.LimitReader(stream, maxBody+1))
		headers.CopyTo(&c.Request().Header)
	}
	if err == nil && len(body) > maxBody {
		err = errBodyTooLarge
	}
	if err != nil {
		giveBack()
		return nil, bodyProblem(c, err)
	}
	c.Request().SetBodyRaw(body)
	return giveBack, nil
}

func bodyProblem(c *fiber.Ctx, err error) error {
	if errors.Is(err, errBodyTooLarge) {
		return err
	}
	c.Context().SetConnectionClose()
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return serverProblem(fiber.ErrRequestTimeout)
	}
	return serverProblem(fiber.ErrBadRequest)
}

var errBodyTooLarge = serverProblem(fiber.ErrRequestEntityTooLarge)

// unreadBody makes the request's connection linger if more of the body is unread
// than fasthttp reads before it closes a connection.
func unreadBody(c *fiber.Ctx) {
	const drained = 128 << 10
	if length := c.Request().Header.ContentLength(); c.Request().IsBodyStream() && (length < 0 || length > drained) {
		c.Context().SetConnectionClose()
		lingerOnClose(c)
	}
}
