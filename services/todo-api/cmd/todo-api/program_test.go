package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

func TestMain(m *testing.M) {
	if runHelper() {
		return
	}
	goleak.VerifyTestMain(m,
		// fasthttp and fiber keep goroutines for clocks and pools.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"),
		goleak.IgnoreAnyFunction("github.com/gofiber/fiber/v2/internal/memory.(*Storage).gc"),
		goleak.IgnoreAnyFunction("github.com/gofiber/fiber/v2/utils.StartTimeStampUpdater.func1.1"),
		goleak.IgnoreAnyFunction("github.com/gofiber/fiber/v2/internal/memory.New.StartTimeStampUpdater.func1.1"),
		// It checks once a second whether its client was closed.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"),
	)
}

type (
	answer      = contracttest.Answer
	problemBody = contracttest.Problem
	todoBody    = contracttest.Todo
)

// program is the whole program, running in this process.
type program struct {
	contracttest.API
	admin  string // the URL of the listener for operators
	log    *logLines
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of run, once done is closed
}

// logLines collects the program's log and sends its address.
type logLines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	admin   string // set before address is sent
	address chan string
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logLines) read(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		l.mu.Lock()
		l.text.Write(append(lines.Bytes(), '\n'))
		l.mu.Unlock()
		var line struct{ Msg, Address, Admin string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			l.admin = line.Admin
			l.address <- line.Address
		}
	}
}

// start runs the program on a free port until the test ends.
func start(t testing.TB, environ ...string) *program {
	t.Helper()
	return startOn(t, openStore, environ...)
}

func startOn(t testing.TB, open openFunc, environ ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	p := &program{cancel: cancel, done: make(chan struct{}), log: &logLines{address: make(chan string, 1)}}
	p.API = contracttest.API{T: t, Client: contracttest.Client(t, &http.Transport{MaxIdleConnsPerHost: 64})}
	go p.log.read(r)
	go func() {
		defer close(p.done)
		p.err = runWith(ctx, []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, environ, w, open)
		w.Close()
	}()
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
		if t.Failed() {
			lines := strings.SplitAfter(p.log.String(), "\n")
			t.Logf("the end of the log:\n%s", strings.Join(lines[max(0, len(lines)-12):], ""))
		}
	})
	select {
	case address := <-p.log.address:
		p.URL, p.admin = "http://"+address, "http://"+p.log.admin
	case <-p.done:
		t.Fatalf("the program ended: %v\n%s", p.err, p.log)
	}
	return p
}

// stop ends the program as SIGTERM does, and returns the error of run.
func (p *program) stop() error {
	p.cancel()
	<-p.done
	p.Client.CloseIdleConnections()
	return p.err
}

// backends runs a test on all stores that need no server.
func backends(t *testing.T, test func(t *testing.T, p *program)) {
	for name, url := range map[string]func(t *testing.T) string{
		"memory": func(*testing.T) string { return "mem:" },
		"disk":   func(t *testing.T) string { return "file://" + t.TempDir() },
		"bbolt":  func(t *testing.T) string { return "bolt://" + filepath.Join(t.TempDir(), "todo.db") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, "TODO_STORE="+url(t)))
		})
	}
}

// shared returns a function that opens one store for several programs.
func shared(store storage.Store) openFunc {
	return func(context.Context, string) (storage.Store, error) { return unowned{store}, nil }
}

// unowned is a store with other writers.
type unowned struct{ storage.Store }

// numberOf returns the revision number in an ETag.
func numberOf(t testing.TB, tag string) (number uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(tag, `"%d-`, &number); err != nil {
		t.Fatalf("ETag: got %s, want a revision and what tells it from others", tag)
	}
	return number
}

func short(s string) string {
	if len(s) > 300 {
		return s[:300] + "..."
	}
	return s
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
