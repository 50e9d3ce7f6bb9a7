package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// readyTimeout is shorter than the timeout of a load balancer's probe.
const readyTimeout = 2 * time.Second

// readList begins the answer to a read: it sets the headers about the list's revision
// and age. If If-Match does not hold, or if the client already has the list, it
// answers 412 or 304, and done is true.
func (s *Server) readList(c *fiber.Ctx, r *request) (snap lists.Snapshot, done bool, err error) {
	if snap, err = s.opts.Lists.Read(c.UserContext(), r.list); err != nil {
		return snap, false, err
	}
	conditions, err := conditionsOf(c)
	if err != nil {
		return snap, false, err
	}
	at := lists.RevisionOf(snap)
	c.Set(fiber.HeaderETag, etag(at))
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Vary(fiber.HeaderAcceptEncoding)
	if snap.Age > 0 {
		c.Set(fiber.HeaderAge, strconv.Itoa(int((snap.Age+time.Second-1)/time.Second)))
		c.Set(fiber.HeaderWarning, `110 - "Response is Stale"`)
	}
	if has := conditions.Match; has != nil && !has.Has(at, snap.Exists) {
		return snap, false, &lists.ConditionError{At: at}
	}
	if has := conditions.NoneMatch; has != nil && has.Has(at, snap.Exists) {
		c.Status(http.StatusNotModified)
		return snap, true, nil
	}
	return snap, false, nil
}

// writeList applies the request's operation and begins the answer.
func (s *Server) writeList(c *fiber.Ctx, r *request, op todo.Op) (lists.Result, error) {
	key, err := idempotencyKey(c)
	if err != nil {
		return lists.Result{}, err
	}
	conditions, err := conditionsOf(c)
	if err != nil {
		return lists.Result{}, err
	}
	done, err := s.opts.Lists.Apply(c.UserContext(), r.list, conditions, lists.Write{Key: key, Op: op, By: s.author(r)})
	if changed := new(todo.ChangedError); errors.As(err, &changed) {
		return done, asProblem(changed).withTodo(r.base)
	}
	if err != nil {
		return done, err
	}
	c.Set(fiber.HeaderETag, etag(done.Revision))
	c.Set(fiber.HeaderCacheControl, "no-store")
	if done.Replayed {
		c.Set("Idempotency-Replayed", "true")
	}
	return done, nil
}

// successOf returns the status of the answer to an applied operation.
func successOf(op todo.Op, done lists.Result) int {
	switch op.(type) {
	case todo.Create:
		if done.Created {
			return http.StatusCreated
		}
	case todo.Delete, todo.Clear, todo.ClearCompleted:
		return http.StatusNoContent
	}
	return http.StatusOK
}

// sendJSON sends a body that may be shared.
func sendJSON(c *fiber.Ctx, status int, body []byte) error {
	if len(body) > smallList {
		c.Status(status)
		sendStream(c, bytes.NewReader(body), len(body))
		return nil
	}
	c.Status(status).Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Response().SetBodyRaw(body)
	return nil
}

// sendTodo sends one item, whose address is below base.
func sendTodo(c *fiber.Ctx, status int, item todo.Item, base string) error {
	return sendJSON(c, status, todo.RenderItem(item).Append(nil, base))
}

// sendTodos sends a list's items, whose addresses are below base, between head and
// tail.
func sendTodos(c *fiber.Ctx, head []byte, doc *lists.Document, base, tail string) error {
	todos := doc.Todos()
	size := len(head) + todos.Size(base) + len(tail)
	if size > smallList {
		sendStream(c, io.MultiReader(bytes.NewReader(head), todos.Reader(base), strings.NewReader(tail)), size)
		return nil
	}
	c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Response().SetBodyRaw(append(todos.Append(append(make([]byte, 0, size), head...), base), tail...))
	return nil
}

// sendList answers a write with the whole list. For a repeated request, the list
// may be at a later revision than that of the write.
func sendList(c *fiber.Ctx, r *request, done lists.Result) error {
	c.Set(fiber.HeaderETag, etag(lists.RevisionOf(done.Snapshot)))
	return sendTodos(c, nil, done.Snapshot.Doc, r.base, "")
}

func (s *Server) live(c *fiber.Ctx, _ *request) error {
	return s.health(c, http.StatusOK, "ok", "")
}

func (s *Server) ready(c *fiber.Ctx, _ *request) error {
	if s.stopping.Load() {
		return s.health(c, http.StatusServiceUnavailable, "stopping", "")
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTimeout)
	defer cancel()
	if err := s.opts.Lists.Check(ctx); err != nil {
		return s.health(c, http.StatusServiceUnavailable, "unavailable", "the store fails: "+lists.Cause(err))
	}
	return s.health(c, http.StatusOK, "ok", s.opts.Lists.Trouble())
}

func (s *Server) health(c *fiber.Ctx, status int, word, reason string) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	if status == http.StatusServiceUnavailable {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(retryAfter))
	}
	return c.Status(status).JSON(struct {
		Status  string `json:"status"`
		Reason  string `json:"reason,omitempty"`
		Release string `json:"release"`
	}{word, reason, s.opts.Release})
}

// static returns a handler that answers with a constant body.
func static(contentType string, body []byte) handler {
	asset := newAsset(contentType, body, "no-cache")
	return func(c *fiber.Ctx, _ *request) error { return asset.serve(c) }
}
