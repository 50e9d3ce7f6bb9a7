package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// historyEntry is what one operation removed or changed.
type historyEntry struct {
	Revision uint64          `json:"revision"`
	At       time.Time       `json:"at"`
	Kind     string          `json:"kind"`
	By       string          `json:"by,omitempty"`
	Todos    json.RawMessage `json:"todos"`
}

type batchResult struct {
	Revision uint64            `json:"revision"`
	Results  []operationResult `json:"results"`
}

type operationResult struct {
	ID       string          `json:"id"`
	Status   int             `json:"status"`
	Revision uint64          `json:"revision"`
	Replayed bool            `json:"replayed,omitempty"`
	Todo     json.RawMessage `json:"todo,omitempty"`
	Problem  *problem        `json:"problem,omitempty"`
}

func (s *Server) applyBatch(c *fiber.Ctx, r *request) error {
	operations, err := todo.DecodeBatch(c.BodyRaw())
	if err != nil {
		return err
	}
	if err := s.chargeOperations(r, len(operations)); err != nil {
		return err
	}
	if len(c.Request().Header.PeekAll("Idempotency-Key")) > 0 {
		return invalidRequest.with("Header Idempotency-Key: expected none; each operation's id is its key.")
	}
	conditions, err := conditionsOf(c)
	if err != nil {
		return err
	}
	writes, by := make([]lists.Write, len(operations)), s.author(r)
	for i, op := range operations {
		writes[i] = lists.Write{Key: op.ID, Op: op.Op, By: by}
	}
	done, errs := s.opts.Lists.ApplyAll(c.UserContext(), r.list, conditions, writes)

	answer := batchResult{Results: make([]operationResult, len(writes))}
	decided := false
	var latest lists.Snapshot
	var refused *lists.ConditionError
	for i, w := range done {
		result := operationResult{ID: operations[i].ID}
		if errs[i] != nil {
			p := asProblem(errs[i]).withTodo(r.base).at(s.path, r.id)
			result.Status, result.Problem = p.Status, p
			decided = decided || !p.retry && p.Status < http.StatusInternalServerError && !errors.As(errs[i], &refused)
		} else {
			decided = true
			result.Status, result.Revision, result.Replayed = successOf(operations[i].Op, w), w.Number, w.Replayed
			if w.Item.UID != "" {
				result.Todo = todo.RenderItem(w.Item).Append(nil, r.base)
			}
			if w.Snapshot.Revision >= latest.Revision {
				latest = w.Snapshot
			}
		}
		answer.Results[i] = result
	}
	if !decided && refused != nil {
		return refused
	}
	if !decided {
		return errs[0]
	}
	if latest.Doc == nil {
		// Every operation was refused, so no result has a revision. A later
		// revision than the one that they were refused at will do.
		if latest, err = s.opts.Lists.Read(c.UserContext(), r.list); err != nil {
			return err
		}
	}
	answer.Revision = latest.Revision
	for i := range answer.Results {
		if errs[i] != nil {
			answer.Results[i].Revision = latest.Revision
			s.logFailure(c, r, asProblem(errs[i]), errs[i])
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, etag(lists.RevisionOf(latest)))
	c.Set(fiber.HeaderCacheControl, "no-store")
	return sendJSON(c, http.StatusOK, body)
}

func (s *Server) getHistory(c *fiber.Ctx, r *request) error {
	snap, done, err := s.readList(c, r)
	if err != nil || done {
		return err
	}
	removed := s.opts.Lists.History(snap)
	entries := make([]historyEntry, 0, len(removed))
	for _, entry := range slices.Backward(removed) {
		entries = append(entries, historyEntry{entry.Revision, entry.At.UTC(), entry.Kind, entry.By, todo.List{Items: entry.Items}.Render().Append(nil, r.base)})
	}
	body, err := json.Marshal(struct {
		Revision uint64         `json:"revision"`
		Entries  []historyEntry `json:"entries"`
	}{snap.Revision, entries})
	if err != nil {
		return err
	}
	return sendJSON(c, http.StatusOK, body)
}

func (s *Server) restoreRevision(c *fiber.Ctx, r *request) error {
	op, err := todo.DecodeRestore(c.BodyRaw())
	if err != nil {
		return err
	}
	done, err := s.writeList(c, r, op)
	if err != nil {
		return err
	}
	return sendList(c, r, done)
}
