// Package server starts programs that serve on loopback, for tests and
// benchmarks.
package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience bounds each wait for a server.
const Patience = time.Minute

// Command describes how to start a server.
type Command struct {
	Name string // for messages
	Args []string
	Env  []string // in addition to PATH and HOME
	Dir  string   // working directory; an empty one by default
	Addr string   // HOST:PORT that it is told to listen on
	// Ready is a path that the server answers with 200, 204 or 404 once it is ready.
	// If "", it is ready when it accepts a connection.
	Ready string
	// Unread connects its output to a pipe that is not read while it runs.
	Unread bool
	// Quiet discards its standard output.
	Quiet bool
	// Log is the file for its output, by default one that is removed after the test.
	Log  string
	Attr *syscall.SysProcAttr
}

// Redis returns the command of a valkey-server or redis-server without a file.
func Redis(address string) Command {
	program, err := exec.LookPath("valkey-server")
	if err != nil {
		program = "redis-server"
	}
	_, port, _ := net.SplitHostPort(address)
	return Command{Name: program, Addr: address, Args: []string{program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"}}
}

// Server is a running program.
type Server struct {
	Addr, URL string
	PID       int

	name   string
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	err    error         // from Wait; set before exited is closed
	log    string        // the file with its output
}

// Start starts a server and returns when it is ready. The server is killed at the
// end of the test.
func Start(tb testing.TB, c Command) *Server {
	tb.Helper()
	s := Spawn(tb, c)
	if err := s.Await(tb.Context(), c.Ready, 20*time.Millisecond, http.StatusOK, http.StatusNoContent, http.StatusNotFound); err != nil {
		tb.Fatal(err)
	}
	return s
}

// Spawn is [Start] without waiting.
func Spawn(tb testing.TB, c Command) *Server {
	tb.Helper()
	scratch := tb.TempDir()
	s := &Server{Addr: c.Addr, URL: "http://" + c.Addr, name: c.Name, exited: make(chan struct{}), log: cmp.Or(c.Log, filepath.Join(scratch, "log"))}
	output, err := os.Create(s.log)
	if err != nil {
		tb.Fatal(err)
	}
	defer output.Close()
	s.cmd = exec.Command(c.Args[0], c.Args[1:]...) //nolint:noctx // the end of the test kills it
	s.cmd.Dir = cmp.Or(c.Dir, scratch)
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + scratch}, c.Env...)
	s.cmd.SysProcAttr = c.Attr
	s.cmd.Stdout, s.cmd.Stderr = output, output
	if c.Quiet {
		s.cmd.Stdout = nil
	}
	var unread *os.File
	if c.Unread {
		var writer *os.File
		if unread, writer, err = os.Pipe(); err != nil {
			tb.Fatal(err)
		}
		defer writer.Close()
		s.cmd.Stdout, s.cmd.Stderr = writer, writer
	}
	if err := s.cmd.Start(); err != nil {
		tb.Fatalf("%s: %v", c.Name, err)
	}
	s.PID = s.cmd.Process.Pid
	go func() {
		s.err = s.cmd.Wait()
		unread.Close() // does nothing without a file
		close(s.exited)
	}()
	tb.Cleanup(s.Kill)
	return s
}

// Await requests path until the answer has one of the statuses. If path is "", it
// connects until that succeeds.
func (s *Server) Await(ctx context.Context, path string, pause time.Duration, statuses ...int) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func() error {
		if path == "" {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
			if err != nil {
				return err
			}
			return conn.Close()
		}
		a, err := Request(ctx, client, http.MethodGet, s.URL+path, "")
		if err == nil && !slices.Contains(statuses, a.Status) {
			err = fmt.Errorf("GET %s answers %d", path, a.Status)
		}
		return err
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %w: %s", s.name, ctx.Err(), err, s.Log())
		case <-s.exited:
			return fmt.Errorf("%s ended: %w: %s", s.name, s.err, s.Log())
		case <-tick.C:
		}
	}
}

// Answer is a response whose body has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Request sends a request, whose body is JSON unless header says otherwise, and reads
// the answer. header has names and values in turn.
func Request(ctx context.Context, client *http.Client, method, url, body string, header ...string) (a Answer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Host = req.Header.Get("Host")
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a = Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body, err = io.ReadAll(resp.Body)
	return a, err
}

// Kill kills the server with SIGKILL, and its process group if it leads one. It
// returns when the server has ended.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	if s.cmd.SysProcAttr != nil && s.cmd.SysProcAttr.Setpgid {
		_ = syscall.Kill(-s.PID, syscall.SIGKILL)
	}
	<-s.exited
}

// Stop ends the server with SIGTERM. It returns an error if the exit status is
// not 0, or kills the server if it does not end in time.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		if s.err != nil {
			return fmt.Errorf("%s ended with %w, expected status 0: %s", s.name, s.err, s.Log())
		}
		return nil
	case <-time.After(Patience):
		s.Kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM: %s", s.name, Patience, s.Log())
	}
}

// Log returns the last part of its output.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-4000):]))
}
