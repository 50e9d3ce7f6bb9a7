//go:build redis

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/redishints/redistest"
)

// Two servers with one store and a bus show each other's changes without polling.
// Without the bus they fall back to polling, and the metrics show it.
func TestHintsBetweenServers(t *testing.T) {
	bus := redistest.Start(t)
	open := shared(memstore.New())
	environ := []string{"TODO_HINTS=" + strings.Replace(bus.URL(), "//", "//default:@", 1), "TODO_WATCH_FASTEST=1h", "TODO_WATCH_SLOWEST=1h"}
	here, there := startOn(t, open, environ...), startOn(t, open, environ...)
	shows := func(p *program, metric string) func() bool {
		return func() bool { return strings.Contains(p.metrics(), "\n"+metric+"\n") }
	}
	for _, p := range []*program{here, there} {
		eventually(t, "hints arrive", shows(p, "todo_hints_arrive 1"))
	}
	events := here.watch("l")
	defer events.close()
	events.next()
	for i := range 20 {
		there.Create("l", fmt.Sprint("item ", i))
		events.until("the item", func(e event) bool { return len(e.todos) == i+1 })
	}
	eventually(t, "hints counted", shows(here, `todo_hints_total{outcome="found"} 20`))
	bus.Kill()
	eventually(t, "the loss told", func() bool { return strings.Contains(here.log.String(), "hints of other servers do not arrive") })
	eventually(t, "the loss counted", shows(here, "todo_hints_arrive 0"))
	there.Create("l", "without the bus")
	bus.Start()
	events.until("what landed without the bus", func(e event) bool { return len(e.todos) == 21 })
}
