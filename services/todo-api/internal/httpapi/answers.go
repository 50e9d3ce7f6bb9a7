package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// readyTimeout is shorter than a balancer waits for a probe.
const readyTimeout = 2 * time.Second

// readList begins the answer to a read: the headers that tell how current it
// is, and 304 when the client has it already. done is true then.
func (s *Server) readList(c *fiber.Ctx) (name todo.Name, snap snapshot, done bool, err error) {
	if name, err = listName(c); err != nil {
		return name, snap, false, err
	}
	if snap, err = s.read(c.UserContext(), name); err != nil {
		return name, snap, false, err
	}
	at := snapshotRevision(snap)
	c.Set(fiber.HeaderETag, at.etag())
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if snap.Age > 0 {
		c.Set(fiber.HeaderAge, strconv.Itoa(int((snap.Age+time.Second-1)/time.Second)))
		c.Set(fiber.HeaderWarning, `110 - "Response is Stale"`)
	}
	if conditionsOf(c).notModified(at, snap.Exists) {
		c.Status(http.StatusNotModified)
		return name, snap, true, nil
	}
	return name, snap, false, nil
}

// writeList carries the request's write out and begins the answer. at is the
// revision that the answer's body is of.
func (s *Server) writeList(c *fiber.Ctx, name todo.Name, w write) (written, error) {
	w.key, w.conditions = string(c.Request().Header.Peek("Idempotency-Key")), conditionsOf(c)
	done, err := s.applyOne(c.UserContext(), name, w)
	if err != nil {
		return written{}, err
	}
	c.Set(fiber.HeaderETag, done.at.etag())
	c.Set(fiber.HeaderCacheControl, "no-store")
	if done.replayed {
		c.Set("Idempotency-Replayed", "true")
	}
	return done, nil
}

// sendJSON sends a body that may be shared; it is copied.
func sendJSON(c *fiber.Ctx, status int, body []byte) error {
	c.Status(status).Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Response().SetBody(body)
	return nil
}

// sendTodos answers a write with the whole list, whose revision may be a later
// one than that of the write when the request was repeated.
func (s *Server) sendTodos(c *fiber.Ctx, name todo.Name, done written) error {
	base, err := s.base(c, name)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, snapshotRevision(done.snapshot).etag())
	return sendJSON(c, http.StatusOK, done.snapshot.Doc.todosJSON(base))
}

func (s *Server) live(c *fiber.Ctx, _ *request) error {
	return s.health(c, http.StatusOK, "ok")
}

func (s *Server) ready(c *fiber.Ctx, _ *request) error {
	if s.stopping.Load() {
		return s.health(c, http.StatusServiceUnavailable, "stopping")
	}
	if err := s.checkStore(c); err != nil {
		return s.health(c, http.StatusServiceUnavailable, "unavailable")
	}
	return s.health(c, http.StatusOK, "ok")
}

// checkStore asks the store whether it would answer.
func (s *Server) checkStore(c *fiber.Ctx) error {
	if s.checker == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTimeout)
	defer cancel()
	return s.checker.Check(ctx)
}

func (s *Server) health(c *fiber.Ctx, status int, word string) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	if status == http.StatusServiceUnavailable {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(retryAfter))
	}
	return c.Status(status).JSON(struct {
		Status  string `json:"status"`
		Release string `json:"release"`
	}{word, s.opts.Release})
}

func sendMetrics(c *fiber.Ctx, gatherer prometheus.Gatherer) error {
	families, err := gatherer.Gather()
	if err != nil {
		return err
	}
	var body bytes.Buffer
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	encoder := expfmt.NewEncoder(&body, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	c.Set(fiber.HeaderContentType, string(format))
	return c.Send(body.Bytes())
}

// static answers with what never changes while the process runs.
func static(contentType string, body []byte) handler {
	asset := newAsset(contentType, body, "no-cache")
	return func(c *fiber.Ctx, _ *request) error { return asset.serve(c) }
}

func noCache(contentType string, body []byte) fiber.Handler {
	return newAsset(contentType, body, "no-cache").serve
}
