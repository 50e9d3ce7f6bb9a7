package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

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
	name, err := listName(c)
	if err != nil {
		return err
	}
	operations, err := todo.DecodeBatch(c.BodyRaw())
	if err != nil {
		return err
	}
	base, err := s.base(c, name)
	if err != nil {
		return err
	}
	writes := make([]write, len(operations))
	for i, op := range operations {
		writes[i] = write{key: op.ID, op: op.Op, restore: op.Restore}
	}
	done, errs := s.apply(c.UserContext(), name, writes)

	answer := batchResult{Results: make([]operationResult, len(writes))}
	decided := false
	var latest snapshot
	for i, w := range done {
		result := operationResult{ID: operations[i].ID}
		if errs[i] != nil {
			p := *asProblem(errs[i])
			p.Instance = r.id
			result.Status, result.Problem = p.Status, &p
			decided = decided || !p.retry && p.Status < http.StatusInternalServerError
		} else {
			decided = true
			result.Status, result.Revision, result.Replayed = w.status, w.number, w.replayed
			if w.item.UID != "" {
				result.Todo = w.item.AppendTodo(nil, base)
			}
			if w.snapshot.Revision >= latest.Revision {
				latest = w.snapshot
			}
		}
		answer.Results[i] = result
	}
	if !decided {
		return errs[0]
	}
	if latest.Doc == nil {
		// Every operation was refused, and the revision that refused them is
		// as good as any later one.
		if latest, err = s.read(c.UserContext(), name); err != nil {
			return err
		}
	}
	answer.Revision = latest.Revision
	for i := range answer.Results {
		if errs[i] != nil {
			answer.Results[i].Revision = latest.Revision
			if answer.Results[i].Status >= http.StatusInternalServerError {
				s.logFailure(c, r, answer.Results[i].Status, errs[i])
			}
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, snapshotRevision(latest).etag())
	c.Set(fiber.HeaderCacheControl, "no-store")
	return sendJSON(c, http.StatusOK, body)
}

func (s *Server) getHistory(c *fiber.Ctx, _ *request) error {
	name, snap, done, err := s.readList(c)
	if err != nil || done {
		return err
	}
	base, err := s.base(c, name)
	if err != nil {
		return err
	}
	entries, err := history(snap.Removed, base)
	if err != nil {
		return err
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

func (s *Server) restoreRevision(c *fiber.Ctx, _ *request) error {
	name, err := listName(c)
	if err != nil {
		return err
	}
	revision, err := todo.DecodeRestore(c.BodyRaw())
	if err != nil {
		return err
	}
	done, err := s.writeList(c, name, write{restore: revision})
	if err != nil {
		return err
	}
	return s.sendTodos(c, name, done)
}
