// Package redistest starts Redis servers for tests.
package redistest

import (
	"bufio"
	"context"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server is a valkey-server or redis-server. It keeps its port when it is killed
// and started again.
type Server struct {
	t       *testing.T
	mu      sync.Mutex
	address string
	flags   []string
	cmd     *exec.Cmd
	exited  chan struct{}
}

// Start starts a server that ends with the test.
func Start(t *testing.T) *Server {
	t.Helper()
	return StartAt(t, "127.0.0.1", "--save", "", "--appendonly", "no")
}

// StartAt starts a server with flags, at an address of this machine. It ends with
// the test.
func StartAt(t *testing.T, host string, flags ...string) *Server {
	t.Helper()
	s := &Server{t: t, address: unused(t, host), flags: flags}
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// unused returns an unused address on host. Its port is below those that systems assign
// to outgoing connections and to listeners on port 0, so it stays unused while
// the server is down.
func unused(t *testing.T, host string) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort(host, strconv.Itoa(20_000+rand.IntN(12_000))) //nolint:gosec // any port will do
		if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no unused port")
	return ""
}

// URL returns the server's address.
func (s *Server) URL() string { return "redis://" + s.address }

// Start starts a killed server and waits until it is ready.
func (s *Server) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	program, err := exec.LookPath("valkey-server")
	if err != nil {
		if program, err = exec.LookPath("redis-server"); err != nil {
			s.t.Fatal("missing: redis-server or valkey-server")
		}
	}
	host, port, _ := net.SplitHostPort(s.address)
	s.cmd = exec.CommandContext(context.Background(), program, append([]string{"--bind", host, "--port", port, "--dir", s.t.TempDir()}, s.flags...)...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready := make(chan struct{})
	s.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		defer close(exited)
		told := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if !told && strings.Contains(lines.Text(), "eady to accept connections") {
				told = true
				close(ready)
			}
		}
		_ = cmd.Wait()
	}(s.cmd, s.exited)
	select {
	case <-ready:
	case <-s.exited:
		s.t.Fatalf("%s ended before it served", program)
	}
}

// Kill kills the server.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}
