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

// peak returns the peak memory of the process, in MiB.
func (p *process) peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	kib := 0
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(rest, &kib)
		}
	}
	if kib == 0 {
		t.Fatalf("no VmHWM in %s", status)
	}
	return kib >> 10
}

// Many clients write, read and watch large lists within the memory budget. Without
// the budget, each phase exceeds the limit.
func TestMemoryBudget(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of a process's memory is read from /proc")
	}
	const lists, clients, limit = 120, 40, 176 // MiB
	// The race detector, which this test may run under, multiplies a program's memory.
	program := filepath.Join(t.TempDir(), "todo-api")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := command([]string{"--listen=127.0.0.1:0"}, "TODO_STORE=file://"+t.TempDir(), "TODO_ACCESS_LOG=false", "TODO_REQUEST_TIMEOUT=1m", "TODO_READ_TIMEOUT=1m",
		fmt.Sprintf("GOMEMLIMIT=%dMiB", limit-48))
	cmd.Path, cmd.Args[0] = program, program
	p := launchCommand(t, cmd)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	state := largeState()
	all := func(phase string, f func(i int) (*http.Request, error)) {
		t.Helper()
		began := time.Now()
		var wg sync.WaitGroup
		next := make(chan int)
		for range clients {
			wg.Go(func() {
				for i := range next {
					req, err := f(i)
					if err != nil {
						t.Error(err)
						continue
					}
					resp, err := client.Do(req)
					if err != nil {
						t.Errorf("%s %d: %v", phase, i, err)
						continue
					}
					n, err := io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK || req.Method == http.MethodGet && n < int64(len(state)) {
						t.Errorf("%s %d: got %d with %d bytes, %v", phase, i, resp.StatusCode, n, err)
					}
				}
			})
		}
		for i := range lists {
			next <- i
		}
		close(next)
		wg.Wait()
		t.Logf("%s: %v", phase, time.Since(began).Round(time.Millisecond))
		if got := p.peak(t); got > limit {
			t.Errorf("after %s: got %d MiB, want at most %d", phase, got, limit)
		}
	}
	request := func(method, path string, body []byte) (*http.Request, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, bytes.NewReader(body))
		if err == nil && body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		return req, err
	}
	all("writing", func(i int) (*http.Request, error) {
		return request("PUT", fmt.Sprint("/api/state/l", i), state)
	})
	all("reading", func(i int) (*http.Request, error) {
		return request("GET", []string{fmt.Sprint("/api/lists/l", i), fmt.Sprintf("/api/lists/l%d/todos", i), fmt.Sprint("/api/state/l", i)}[i%3], nil)
	})
	all("completing", func(i int) (*http.Request, error) {
		return request("PATCH", fmt.Sprintf("/api/lists/l%d/todos", i), []byte(`{"completed":true}`))
	})

	// Streams of lists that do not fit are refused; the others work.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var open, refused int
	for i := range lists {
		req, err := request("GET", fmt.Sprintf("/api/lists/l%d/events", i), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req.WithContext(ctx))
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
	if got := p.peak(t); got > limit {
		t.Errorf("after watching: got %d MiB, want at most %d", got, limit)
	}
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
	req, err := request("PUT", "/api/state/small", []byte(`[{"id":1,"title":"a","completed":false}]`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a small list beside them: got %d, want 200", resp.StatusCode)
	}
	if got := p.peak(t); got > limit {
		t.Errorf("after bodies that do not come: got %d MiB, want at most %d", got, limit)
	}
	t.Logf("at most %d MiB; %d streams of large lists, %d refused", p.peak(t), open, refused)
}
