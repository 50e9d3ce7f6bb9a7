package httpapi

import (
	"sync"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// watchers counts the event streams of each list.
type watchers struct {
	mu    sync.Mutex
	lists map[todo.Name]map[*watcher]struct{}
}

// watcher is one event stream among those of its list.
type watcher struct {
	// changed receives when the number of streams may have changed.
	changed chan struct{}
	all     *watchers
	name    todo.Name
}

func (w *watchers) enter(name todo.Name) *watcher {
	w.mu.Lock()
	defer w.mu.Unlock()
	own := &watcher{changed: make(chan struct{}, 1), all: w, name: name}
	if w.lists == nil {
		w.lists = make(map[todo.Name]map[*watcher]struct{})
	}
	if w.lists[name] == nil {
		w.lists[name] = make(map[*watcher]struct{})
	}
	w.tell(name)
	w.lists[name][own] = struct{}{}
	return own
}

func (w *watchers) leave(name todo.Name, own *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.lists[name], own)
	if len(w.lists[name]) == 0 {
		delete(w.lists, name)
	}
	w.tell(name)
}

// tell wakes the streams of a list. The caller holds w.mu.
func (w *watchers) tell(name todo.Name) {
	for other := range w.lists[name] {
		poke(other.changed)
	}
}

// count returns the number of the list's streams that are open on this server.
func (w *watcher) count() int {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	return len(w.all.lists[w.name])
}
