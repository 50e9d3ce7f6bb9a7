package lists

import (
	"sync"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// Delta is the difference between two revisions of a list.
type Delta struct {
	From, To Revision
	Number   uint64 // of the revision To
	// Title is the new title, or nil if it did not change.
	Title *string
	// Changed are the added and changed items; see [todo.WithChanges].
	Changed *todo.Rendering
	// Removed are the UIDs of the removed items.
	Removed []string
}

// size returns the approximate size of the delta in memory.
func (d *Delta) size() int {
	size := 200 + d.Changed.Size("")
	for _, uid := range d.Removed {
		size += len(uid) + 20
	}
	return size
}

// The limits of the deltas that a document keeps for resumed streams.
const (
	keptDeltas     = 32
	keptDeltaBytes = 64 << 10
)

// deltas are the steps to a document, oldest first. The From of a step is the To
// of the previous one. All but the latest are copied from earlier documents.
type deltas struct {
	mu    sync.Mutex
	steps []*Delta
}

// since returns the steps from a revision, or nil if it is unknown.
func (d *deltas) since(from Revision) []*Delta {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, step := range d.steps {
		if step.From == from {
			return d.steps[i:]
		}
	}
	return nil
}

// Deltas returns the steps from a revision to a snapshot, to be applied in order,
// or nil if they are unknown. was is the document of the revision, or nil if the
// caller does not have it.
func Deltas(was *Document, from Revision, snap Snapshot) []*Delta {
	doc := snap.Doc
	if doc == nil {
		return nil
	}
	if steps := doc.deltas.since(from); steps != nil || was == nil || was == doc {
		return steps
	}
	steps := was.deltas.all()
	doc.deltas.mu.Lock()
	defer doc.deltas.mu.Unlock()
	if n := len(doc.deltas.steps); n > 0 && doc.deltas.steps[n-1].From == from {
		return doc.deltas.steps[n-1:] // another stream added it first
	}
	changed, removed, ok := todo.Changes(was.list, doc.list)
	if !ok {
		return nil
	}
	step := &Delta{From: from, To: RevisionOf(snap), Number: snap.Revision, Changed: todo.RenderItems(changed), Removed: removed}
	if title := doc.list.Title; title != was.list.Title {
		step.Title = &title
	}
	if len(doc.deltas.steps) > 0 {
		return []*Delta{step} // the stream missed revisions; other streams have smaller steps
	}
	steps = append(steps, step)
	for kept, i := 0, len(steps)-1; i >= 0; i-- {
		if kept += steps[i].size(); kept > keptDeltaBytes || len(steps)-i > keptDeltas {
			steps = steps[i+1:]
			break
		}
	}
	doc.deltas.steps = steps
	return []*Delta{step}
}

// all returns a copy of the steps.
func (d *deltas) all() []*Delta {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*Delta(nil), d.steps...)
}
