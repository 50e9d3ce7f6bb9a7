package httpapi

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
)

// failingListener returns its errors in order, and then a connection.
type failingListener struct {
	net.Listener
	errs []error
}

func (l *failingListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	_, server := net.Pipe()
	return server, nil
}

func (l *failingListener) Close() error { return nil }

// An outage is one line of the log, whatever the number of connections.
func TestAcceptFailuresAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	failing := new(failingListener)
	l := newListener(failing, 0, time.Second, slog.New(slog.NewTextHandler(&log, nil)), metrics.New("test"))
	for range 20 {
		failing.errs = []error{acceptError(syscall.EMFILE)}
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(log.String(), "cannot be accepted"); got != 1 {
		t.Errorf("got %d lines, want 1: %s", got, &log)
	}
}

func acceptError(code syscall.Errno) error {
	return &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", code)}
}

func TestAcceptGoesOn(t *testing.T) {
	for _, code := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM, syscall.EPROTO} {
		l := newListener(&failingListener{errs: []error{acceptError(code), acceptError(code)}}, 1, time.Second, slog.New(slog.DiscardHandler), metrics.New("test"))
		conn, err := l.Accept()
		if err != nil {
			t.Errorf("%v: got %v, want the connection after it", code, err)
			continue
		}
		conn.Close()
	}
	for _, err := range []error{net.ErrClosed, acceptError(syscall.EBADF)} {
		l := newListener(&failingListener{errs: []error{err}}, 1, time.Second, slog.New(slog.DiscardHandler), metrics.New("test"))
		if _, got := l.Accept(); !errors.Is(got, err) {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}

// Accept returns when the listener is closed while it waits for a descriptor or for
// a connection to end.
func TestAcceptEndsWhenClosed(t *testing.T) {
	errs := make([]error, 1000)
	for i := range errs {
		errs[i] = acceptError(syscall.EMFILE)
	}
	for name, l := range map[string]*listener{
		"without descriptors": newListener(&failingListener{errs: errs}, 0, time.Second, slog.New(slog.DiscardHandler), metrics.New("test")),
		"full":                newListener(&failingListener{}, 1, time.Second, slog.New(slog.DiscardHandler), metrics.New("test")),
	} {
		if name == "full" {
			if _, err := l.Accept(); err != nil {
				t.Fatal(err)
			}
		}
		ended := make(chan error)
		go func() {
			_, err := l.Accept()
			ended <- err
		}()
		l.Close()
		if err := <-ended; !errors.Is(err, io.EOF) {
			t.Errorf("%s: got %v, want EOF", name, err)
		}
	}
}
