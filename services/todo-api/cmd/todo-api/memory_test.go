package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// largeState returns a list of nearly 1 MB in the v1 form.
func largeState() []byte {
	var state bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&state, `,{"id":%d,"title":"%0150d","completed":false}`, i, i)
	}
	return append(append([]byte("["), state.Bytes()[1:]...), ']')
}

// peak returns the peak memory of the process, in MiB, without the pages of its
// program file, which the kernel can drop.
func (p *process) peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	kib := make(map[string]int)
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		if n := 0; name == "VmHWM" || name == "RssFile" {
			_, _ = fmt.Sscan(rest, &n)
			kib[name] = n
		}
	}
	if kib["VmHWM"] == 0 {
		t.Fatalf("no VmHWM in %s", status)
	}
	return (kib["VmHWM"] - kib["RssFile"]) >> 10
}

// smallestAnswer is what is certainly in an answer that has a large list whole.
const smallestAnswer = 900_000

// limited is the program, built without the race detector, which would multiply
// its memory, and clients of it.
type limited struct {
	*process
	client  *http.Client
	clients int
	limit   int // of memory, in MiB
}

// launchLimited runs the program with a soft limit below limit, so that more than
// limit is what a container would be killed for.
func launchLimited(t *testing.T, limit, clients int, settings ...string) *limited {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the peak of a process's memory is read from /proc")
	}
	program := filepath.Join(t.TempDir(), "todo-api")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	settings = append([]string{"TODO_ACCESS_LOG=false", "TODO_REQUEST_TIMEOUT=1m", "TODO_READ_TIMEOUT=1m"}, settings...)
	cmd := command([]string{"--listen=127.0.0.1:0"}, settings...)
	cmd.Path, cmd.Args[0] = program, program
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: time.Minute}
	t.Cleanup(client.CloseIdleConnections)
	return &limited{launchCommand(t, cmd), client, clients, limit}
}

func (p *limited) request(t *testing.T, method, path string, body []byte) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// all makes n requests, by as many clients as there are, and checks that each is
// answered, a GET with the whole list, and that the memory sufficed.
func (p *limited) all(t *testing.T, phase string, n int, request func(i int) *http.Request) {
	t.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	next := make(chan *http.Request)
	for range p.clients {
		wg.Go(func() {
			for req := range next {
				resp, err := p.client.Do(req)
				if err != nil {
					t.Errorf("%s: %v", phase, err)
					continue
				}
				n, err := io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK || req.Method == http.MethodGet && n < smallestAnswer {
					t.Errorf("%s: %s: got %d with %d bytes, %v", phase, req.URL.Path, resp.StatusCode, n, err)
				}
			}
		})
	}
	for i := range n {
		next <- request(i)
	}
	close(next)
	wg.Wait()
	t.Logf("%s: %v, at most %d MiB", phase, time.Since(began).Round(time.Millisecond), p.peak(t))
	p.check(t, phase)
}

func (p *limited) check(t *testing.T, after string) {
	t.Helper()
	if got := p.peak(t); got > p.limit {
		t.Errorf("after %s: got %d MiB, want at most %d", after, got, p.limit)
	}
}

// readLarge reads a list in one of its forms.
func (p *limited) readLarge(t *testing.T, i int) *http.Request {
	t.Helper()
	return p.request(t, "GET", []string{fmt.Sprint("/api/lists/l", i), fmt.Sprintf("/api/lists/l%d/todos", i), fmt.Sprint("/api/state/l", i)}[i%3], nil)
}

// Many clients write, read and watch large lists within the memory budget. Without
// the budget, each phase exceeds the limit.
func TestMemoryBudget(t *testing.T) {
	const lists, clients, limit = 120, 40, 176 // MiB
	p := launchLimited(t, limit, clients, "TODO_STORE=file://"+t.TempDir(), fmt.Sprintf("GOMEMLIMIT=%dMiB", limit-48))
	state := largeState()
	p.all(t, "writing", lists, func(i int) *http.Request { return p.request(t, "PUT", fmt.Sprint("/api/state/l", i), state) })
	p.all(t, "reading", lists, func(i int) *http.Request { return p.readLarge(t, i) })
	p.all(t, "completing", lists, func(i int) *http.Request {
		return p.request(t, "PATCH", fmt.Sprintf("/api/lists/l%d/todos", i), []byte(`{"completed":true}`))
	})

	// Streams of lists that do not fit are refused; the others work.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var open, refused int
	for i := range lists {
		resp, err := p.client.Do(p.request(t, "GET", fmt.Sprintf("/api/lists/l%d/events", i), nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			open++
			lines := bufio.NewReaderSize(resp.Body, 4<<20)
			for line := ""; !strings.HasPrefix(line, "data:"); {
				if line, err = lines.ReadString('\n'); err != nil {
					t.Fatalf("stream %d: %v", i, err)
				}
			}
		case http.StatusServiceUnavailable:
			refused++
		default:
			t.Fatalf("stream %d: got %d", i, resp.StatusCode)
		}
	}
	if open == 0 || refused == 0 {
		t.Errorf("got %d streams and %d refusals, want some of each", open, refused)
	}
	p.check(t, "watching")
	cancel()

	// Clients that announce large bodies and do not send them use no memory.
	for range 300 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "PUT /api/state/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat(" ", 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := p.client.Do(p.request(t, "PUT", "/api/state/small", []byte(`[{"id":1,"title":"a","completed":false}]`)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a small list beside them: got %d, want 200", resp.StatusCode)
	}
	p.check(t, "bodies that do not come")
	t.Logf("at most %d MiB; %d streams of large lists, %d refused", p.peak(t), open, refused)
}
