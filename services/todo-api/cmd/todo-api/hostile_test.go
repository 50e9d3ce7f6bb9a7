package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Idle connections can exhaust the descriptors. The server serves again after they
// are closed.
func TestOutOfDescriptors(t *testing.T) {
	cmd := command(nil, "TODO_STORE=mem:")
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `ulimit -n 60 && exec "$0" --listen=127.0.0.1:0`, os.Args[0]}
	p := launchCommand(t, cmd)
	var idle []net.Conn
	for range 80 {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(p.url, "http://"), time.Second)
		if err != nil {
			break
		}
		idle = append(idle, conn)
	}
	for _, conn := range idle {
		conn.Close()
	}
	eventually(t, "the server answers again", func() bool {
		resp, err := http.Get(p.url + "/livez")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if got := p.stdout.String(); !strings.Contains(got, "max_streams is lowered") {
		t.Errorf("the log does not say that max_streams is lowered: %s", got)
	}
}

// A limit that leaves no descriptors for clients is refused.
func TestTooFewDescriptors(t *testing.T) {
	for _, limit := range []string{"10", "14", "31"} {
		cmd := command(nil, "TODO_STORE=file://"+t.TempDir(), "TODO_LISTEN=127.0.0.1:0")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		limited := exec.CommandContext(ctx, "sh", "-c", `ulimit -n "$1" && exec "$0"`, cmd.Path, limit)
		limited.Env = cmd.Env
		out, err := limited.CombinedOutput()
		cancel()
		if limited.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "expected at least 32") || strings.Contains(string(out), "goroutine") {
			t.Errorf("ulimit -n %s: got %v, %s, want exit code 1 and what is expected", limit, err, out)
		}
	}
	cmd := command(nil, "TODO_STORE=file://"+t.TempDir())
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `ulimit -n 32 && exec "$0" --listen=127.0.0.1:0`, os.Args[0]}
	p := launchCommand(t, cmd)
	resp, err := http.Get(p.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("ulimit -n 32: /readyz: got %s, want 200", resp.Status)
	}
}

// Connections to the admin listener do not exhaust the descriptors of clients.
func TestAdminConnectionsLeaveDescriptors(t *testing.T) {
	cmd := command(nil, "TODO_STORE=file://"+t.TempDir(), "TODO_ADMIN_LISTEN=127.0.0.1:0")
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `ulimit -n 90 && exec "$0" --listen=127.0.0.1:0`, os.Args[0]}
	p := launchCommand(t, cmd)
	for range 100 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.stdout.admin, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for i := range 20 {
		req, err := http.NewRequest(http.MethodPut, fmt.Sprintf("%s/api/state/l%d", p.url, i), strings.NewReader("[]"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("PUT: got %s, want 200", resp.Status)
		}
	}
}

// stalled is a log whose reader stalls until told to continue.
type stalled struct {
	mu   sync.Mutex
	text bytes.Buffer
	err  error // returned by each write, if not nil
	free chan struct{}
	// began, if not nil, receives when a write begins.
	began chan struct{}
}

func (s *stalled) Write(p []byte) (int, error) {
	select {
	case s.began <- struct{}{}:
	default:
	}
	<-s.free
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	return s.text.Write(p)
}

func (s *stalled) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *stalled) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A stalled reader of the log blocks no request, and the log reports the dropped
// lines.
func TestLogReaderStalls(t *testing.T) {
	out := &stalled{free: make(chan struct{}), began: make(chan struct{}, 1)}
	log := newLog(out, defaults(), digestBy(nil))
	line := strings.Repeat("x", 1000)
	log.Info("line", "text", line)
	<-out.began // so that the next write reports all dropped lines
	for range 3 * logQueue / len(line) {
		log.Info("line", "text", line)
	}
	log.flush()
	if log.dropped.Load() == 0 {
		t.Error("nothing was dropped, want a bounded queue")
	}
	close(out.free)
	eventually(t, "the log tells of what it dropped", func() bool {
		return strings.Contains(out.String(), "log lines were dropped") && strings.Contains(out.String(), fmt.Sprintf(`"lines":%d`, log.dropped.Load()))
	})
	log.close()
}

// The log continues when a full disk or a pipe works again.
func TestLogRecovers(t *testing.T) {
	out := &stalled{free: make(chan struct{})}
	close(out.free)
	log := newLog(out, defaults(), digestBy(nil))
	for _, err := range []error{syscall.ENOSPC, syscall.EPIPE} {
		out.set(&os.PathError{Op: "write", Path: "stdout", Err: err})
		before := log.dropped.Load()
		log.Warn("lost")
		eventually(t, "the line counts as dropped", func() bool { return log.dropped.Load() > before })
		out.set(nil)
		log.Warn("after", "error", err)
		eventually(t, "the log has the next line", func() bool { return strings.Contains(out.String(), err.Error()) })
	}
	log.close()
	if got := out.String(); !strings.Contains(got, "log lines were dropped") {
		t.Errorf("got %s, want a line about what was dropped", got)
	}
}

// A process whose log is not read ends on SIGTERM.
func TestStopsWhileTheLogStalls(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines := &logLines{address: make(chan string, 1)}
	cmd := command([]string{"--listen=127.0.0.1:0"}, "TODO_STORE=mem:")
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	reading := &untilListening{r: r, told: make(chan struct{})}
	go lines.read(reading)
	address := <-lines.address
	// Nothing reads from here on, so the pipe fills.
	for range 2000 {
		resp, err := http.Get("http://" + address + "/api/lists/x/todos")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: got %v, want exit code 0", err)
	}
	close(reading.told)
}

// untilListening reads until the program listens, and then stalls.
type untilListening struct {
	r     *os.File
	heard bool
	told  chan struct{}
}

func (u *untilListening) Read(p []byte) (n int, err error) {
	if u.heard {
		<-u.told
		return 0, io.EOF
	}
	n, err = u.r.Read(p)
	u.heard = bytes.Contains(p[:n], []byte(`"listening"`))
	return n, err
}

func bigList(t testing.TB, p *program, name string) {
	t.Helper()
	var items []string
	for i := range 4000 {
		items = append(items, fmt.Sprintf(`{"id":%d,"title":%q,"completed":false}`, i, strings.Repeat("x", 150)))
	}
	p.Expect(200, "PUT", "/api/state/"+name, "["+strings.Join(items, ",")+"]")
}

// unread opens connections that request large responses and do not read them.
func unread(t testing.TB, p *program, n int) {
	t.Helper()
	for range n {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.(*net.TCPConn).SetReadBuffer(2048)
		if _, err := conn.Write([]byte(strings.Repeat("GET /api/lists/big/todos HTTP/1.1\r\nHost: localhost\r\n\r\n", 20))); err != nil {
			t.Fatal(err)
		}
	}
}

// The server disconnects clients that do not read.
func TestSlowReadersAreDropped(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_WRITE_TIMEOUT=200ms", "TODO_ACCESS_LOG=false")
	bigList(t, p, "big")
	unread(t, p, 10)
	eventually(t, "they are dropped", func() bool {
		return strings.Contains(p.metrics(), "todo_connections 1\n")
	})
}

// Clients that do not read delay requests for large lists, but not for small ones,
// whether these are in memory or not.
func TestSlowReadersHoldUpNoSmallList(t *testing.T) {
	store := "TODO_STORE=file://" + t.TempDir()
	p := start(t, store)
	bigList(t, p, "big")
	p.Expect(201, "POST", "/api/lists/read/todos", `{"title":"x"}`)
	p.Expect(201, "POST", "/api/lists/changed/todos", `{"title":"x"}`)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p = start(t, store, "TODO_MEMORY_BUDGET=16MiB", "TODO_WRITE_TIMEOUT=1m", "TODO_REQUEST_TIMEOUT=2s", "TODO_ACCESS_LOG=false")
	unread(t, p, 20)
	eventually(t, "there is no memory for large lists", func() bool { return p.Send("GET", "/api/lists/big", "").StatusCode == 503 })
	p.Expect(200, "GET", "/api/lists/read", "")
	p.Expect(201, "POST", "/api/lists/changed/todos", `{"title":"y"}`)
	p.Expect(200, "GET", "/api/lists/never-written", "")
}

// A client that does not read delays the end of the process by at most half of the
// shutdown time, and the exit status is still 0.
func TestStopsWithSlowReaders(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_WRITE_TIMEOUT=1m", "TODO_SHUTDOWN_TIMEOUT=3s", "TODO_ACCESS_LOG=false")
	bigList(t, p, "big")
	unread(t, p, 3)
	eventually(t, "they are connected", func() bool { return strings.Contains(p.metrics(), "todo_connections 4\n") })
	if err := p.stop(); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

// within stops waiting after the limit and names the step.
func TestWithin(t *testing.T) {
	ctx := t.Context()
	err := within(time.Millisecond, "close the store", func() error { <-ctx.Done(); return nil })
	if err == nil || !strings.Contains(err.Error(), "close the store") {
		t.Errorf("got %v, want an error that names what was not done", err)
	}
	if err := within(time.Minute, "x", func() error { return syscall.EIO }); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v, want EIO", err)
	}
}
