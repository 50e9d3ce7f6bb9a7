//go:build torture

package torture

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must come.
const patience = time.Minute

// server is the API in a process of its own.
type server struct {
	t      testing.TB
	cmd    *exec.Cmd
	url    string
	exited chan struct{} // closed when the process is gone
	ended  chan struct{} // closed when its log was read, too
	unread atomic.Bool   // the log is not read while the process runs
	status error         // set then

	mu   sync.Mutex
	tail []string
}

// startServer starts the program on a free port and waits until it listens.
// It ends with the test at the latest. environ is added to its environment.
func startServer(t testing.TB, store string, environ []string, args ...string) *server {
	t.Helper()
	return startProgram(t, []string{program}, store, environ, args...)
}

// startHostage is startServer for a server that is about to be attacked: it may
// open few files, and its log is not read after its start.
func startHostage(t testing.TB, store string, args ...string) *server {
	t.Helper()
	s := startProgram(t, []string{"/bin/sh", "-c", `ulimit -n 128 && exec "$0" "$@"`, program}, store, nil, append(limits, args...)...)
	s.unread.Store(true)
	return s
}

func startProgram(t testing.TB, command []string, store string, environ []string, args ...string) *server {
	t.Helper()
	s := &server{t: t, exited: make(chan struct{}), ended: make(chan struct{})}
	s.cmd = exec.Command(command[0], append(append(command[1:], "--listen=127.0.0.1:0", "--store="+store, "--store-wait=1m", "--access-log=false", "--page=false"), args...)...)
	s.cmd.Dir = t.TempDir() // where there is no todo-api.yaml
	s.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.cmd.Dir,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
	}, environ...)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = writer, writer
	err = s.cmd.Start()
	writer.Close()
	if err != nil {
		reader.Close()
		t.Fatal(err)
	}
	address, logged := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(logged)
		defer reader.Close()
		s.read(reader, address)
	}()
	go func() {
		s.status = s.cmd.Wait()
		close(s.exited)
		<-logged
		close(s.ended)
	}()
	t.Cleanup(s.kill)
	select {
	case a := <-address:
		s.url = "http://" + a
	case <-s.ended:
		t.Fatalf("the program ended with %v before it listened:\n%s", s.status, s.lastLines())
	case <-time.After(patience):
		t.Fatalf("the program does not listen:\n%s", s.lastLines())
	}
	return s
}

func (s *server) read(r io.Reader, address chan<- string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			address <- line.Address
		}
		if s.unread.Load() {
			<-s.exited
		}
		s.mu.Lock()
		if s.tail = append(s.tail, lines.Text()); len(s.tail) > 40 {
			s.tail = s.tail[20:]
		}
		s.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r) // a line was too long; the program must not block
}

func (s *server) lastLines() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.tail, "\n")
}

// kill ends the process as kill -9 does.
func (s *server) kill() {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Error(err)
	}
	<-s.ended
}

// stop asks the process to end, which it must do with status 0.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("SIGTERM: got %v, want nil:\n%s", err, s.lastLines())
		return
	}
	select {
	case <-s.ended:
		if s.status != nil {
			s.t.Errorf("the program ended with %v, want status 0:\n%s", s.status, s.lastLines())
		}
	case <-time.After(patience):
		s.t.Errorf("the program did not end within %v of SIGTERM:\n%s", patience, s.lastLines())
	}
}

// eventually waits until done, and ends the test when that does not come.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !comes(done) {
		t.Fatalf("%s: not within %v", what, patience)
	}
}

// comes waits until done, and reports whether that came.
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
