package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

func (s *Server) getState(c *fiber.Ctx, r *request) error {
	snap, done, err := s.readList(c, r)
	if err != nil || done {
		return err
	}
	if !snap.Exists {
		return neverWritten.with("It will exist once it is saved.")
	}
	return sendJSON(c, http.StatusOK, snap.Doc.State())
}

func (s *Server) putState(c *fiber.Ctx, r *request) error {
	entries, err := todo.DecodeState(c.BodyRaw())
	if err != nil {
		return err
	}
	if _, err := s.writeList(c, r, todo.Replace{Entries: entries}); err != nil {
		return err
	}
	c.Status(http.StatusOK)
	return nil
}

func (s *Server) listTodos(c *fiber.Ctx, r *request) error {
	snap, done, err := s.readList(c, r)
	if err != nil || done {
		return err
	}
	return sendTodos(c, nil, snap.Doc, r.base, "")
}

func (s *Server) createTodo(c *fiber.Ctx, r *request) error {
	op, err := todo.DecodeCreate(c.BodyRaw())
	if err != nil {
		return err
	}
	done, err := s.writeList(c, r, op)
	if err != nil {
		return err
	}
	if done.Created {
		c.Set(fiber.HeaderLocation, r.base+done.Item.UID)
	}
	return sendTodo(c, successOf(op, done), done.Item, r.base)
}

func (s *Server) completeAllTodos(c *fiber.Ctx, r *request) error {
	op, err := todo.DecodeCompleteAll(c.BodyRaw())
	if err != nil {
		return err
	}
	done, err := s.writeList(c, r, op)
	if err != nil {
		return err
	}
	return sendList(c, r, done)
}

func (s *Server) deleteTodos(c *fiber.Ctx, r *request) error {
	var op todo.Op = todo.Clear{}
	if c.Context().QueryArgs().Has("completed") {
		op = todo.ClearCompleted{}
	}
	if _, err := s.writeList(c, r, op); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) getTodo(c *fiber.Ctx, r *request) error {
	snap, done, err := s.readList(c, r)
	if err != nil {
		return err
	}
	// If-None-Match does not apply to an item that does not exist.
	item, ok := snap.Doc.List().Find(r.item)
	if !ok {
		return todo.ErrNotFound
	}
	if done {
		return nil
	}
	return sendTodo(c, http.StatusOK, item, r.base)
}

func (s *Server) updateTodo(c *fiber.Ctx, r *request) error {
	op, err := todo.DecodeUpdate(r.item, c.BodyRaw())
	if err != nil {
		return err
	}
	done, err := s.writeList(c, r, op)
	if err != nil {
		return err
	}
	return sendTodo(c, http.StatusOK, done.Item, r.base)
}

func (s *Server) deleteTodo(c *fiber.Ctx, r *request) error {
	if _, err := s.writeList(c, r, todo.Delete{UID: r.item}); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// getList answers with the list's title and items.
func (s *Server) getList(c *fiber.Ctx, r *request) error {
	snap, done, err := s.readList(c, r)
	if err != nil || done {
		return err
	}
	return sendWhole(c, r, snap)
}

func (s *Server) updateList(c *fiber.Ctx, r *request) error {
	op, err := todo.DecodeSetTitle(c.BodyRaw())
	if err != nil {
		return err
	}
	done, err := s.writeList(c, r, op)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, etag(lists.RevisionOf(done.Snapshot)))
	return sendWhole(c, r, done.Snapshot)
}

func (s *Server) eraseList(c *fiber.Ctx, r *request) error {
	// A repetition needs no key: an erased list stays erased.
	if _, err := idempotencyKey(c); err != nil {
		return err
	}
	conditions, err := conditionsOf(c)
	if err != nil {
		return err
	}
	if err := s.opts.Lists.Erase(c.UserContext(), r.list, conditions); err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, etag(lists.RevisionOf(lists.Snapshot{})))
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Status(http.StatusNoContent)
	return nil
}

func sendWhole(c *fiber.Ctx, r *request, snap lists.Snapshot) error {
	return sendTodos(c, wholeHead(snap), snap.Doc, r.base, "}")
}

// wholeHead is the beginning of a list with its revision and title, up to its
// items.
func wholeHead(snap lists.Snapshot) []byte {
	title, _ := json.Marshal(snap.Doc.List().Title) //nolint:errchkjson // a string
	return fmt.Appendf(nil, `{"revision":%d,"title":%s,"todos":`, snap.Revision, title)
}
