//go:build redis

package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

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
	for _, p := range []*program{here, there} {
		eventually(t, "hints arrive again", shows(p, "todo_hints_arrive 1"))
	}
	// The hint of that change is lost if it is sent before the other server listens again.
	there.Create("l", "with the bus")
	events.until("what landed without the bus and with it", func(e event) bool { return len(e.todos) == 22 })
}

// The server of hints in docker-compose.yml takes hints from other containers,
// which have other addresses than loopback: its protected mode would refuse them.
func TestHintsOverTheServerOfCompose(t *testing.T) {
	text, err := os.ReadFile("../../../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services struct {
			Valkey struct{ Command []string }
		}
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	command := compose.Services.Valkey.Command
	if len(command) == 0 || command[0] != "valkey-server" {
		t.Fatalf("docker-compose.yml: got the command %q, want that of valkey-server", command)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	host := ""
	for _, address := range addresses {
		if n, ok := address.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			host = n.IP.String()
		}
	}
	if host == "" {
		t.Skip("this machine has no address but loopback")
	}
	bus := redistest.StartAt(t, host, command[1:]...)
	open := shared(memstore.New())
	environ := []string{"TODO_HINTS=" + bus.URL(), "TODO_WATCH_FASTEST=1h", "TODO_WATCH_SLOWEST=1h"}
	here, there := startOn(t, open, environ...), startOn(t, open, environ...)
	for _, p := range []*program{here, there} {
		eventually(t, "hints arrive", func() bool { return strings.Contains(p.metrics(), "\ntodo_hints_arrive 1\n") })
	}
	events := here.watch("l")
	defer events.close()
	events.next()
	there.Create("l", "a change at the other server")
	events.until("the change", func(e event) bool { return len(e.todos) == 1 })
}
