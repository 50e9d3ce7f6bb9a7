//go:build torture

package torture

import (
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
	"github.com/gchamon/devops-challenge/tools/internal/siege"
)

// patience bounds every wait for something that must come.
const patience = server.Patience

// startServer starts the program and waits until it is ready. It ends with the
// test at the latest. environ is added to its environment.
func startServer(t testing.TB, store string, environ []string, args ...string) *server.Server {
	t.Helper()
	return server.Start(t, command(t, store, environ, args...))
}

func command(t testing.TB, store string, environ []string, args ...string) server.Command {
	t.Helper()
	address := freeport.Address(t)
	return server.Command{
		Name: "todo-api", Addr: address, Ready: "/readyz",
		Args: append([]string{program, "--listen=" + address, "--store=" + store, "--store-wait=1m", "--access-log=false", "--page=false"}, args...),
		Env:  append([]string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"}, environ...),
	}
}

// startHostage starts a server to be attacked: it may open few files, and its log is
// not read.
func startHostage(t testing.TB, store string) *server.Server {
	t.Helper()
	c := command(t, store, nil, siege.Flags...)
	c.Args = append([]string{"/bin/sh", "-c", `ulimit -n 128 && exec "$0" "$@"`}, c.Args...)
	c.Unread = true
	return server.Start(t, c)
}

// eventually waits until done returns true, and ends the test if it does not.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !comes(done) {
		t.Fatalf("%s: not within %v", what, patience)
	}
}

// comes waits until done returns true, for patience at most, and reports whether it
// did.
func comes(done func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
