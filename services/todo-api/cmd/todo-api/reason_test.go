package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// The operating system's error of a full disk is logged once, and shown by /readyz
// and the metrics until it passes. A limit on the size of files replaces the full
// disk: the kernel refuses the write.
func TestReasonOfRefusedWrites(t *testing.T) {
	dir := t.TempDir()
	cmd := command(nil, "TODO_STORE=file://"+dir, "TODO_ADMIN_LISTEN=127.0.0.1:0")
	limited := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f 64; exec "$0" --listen=127.0.0.1:0`, cmd.Path)
	limited.Env = cmd.Env
	process := launchCommand(t, limited)
	p := &program{API: contracttest.API{T: t, URL: process.url, Client: http.DefaultClient}, admin: "http://" + process.stdout.admin, log: process.stdout}

	const reason = "file too large"
	for range 3 {
		a := p.Expect(503, "PUT", "/api/state/big", string(largeState()))
		if strings.Contains(string(a.Body), "outcome") {
			t.Errorf("a refused write: got %s, want that nothing was changed", a.Body)
		}
	}
	p.Expect(201, "POST", "/api/lists/small/todos", `{"title":"x"}`)
	a := p.Expect(200, "GET", "/readyz", "")
	var health struct{ Status, Reason string }
	if err := json.Unmarshal(a.Body, &health); err != nil || health.Status != "ok" || !strings.HasSuffix(health.Reason, ": "+reason) {
		t.Errorf("/readyz: got %s, %v, want the reason", a.Body, err)
	}
	if strings.Contains(string(a.Body), dir) || strings.Contains(string(a.Body), "big") {
		t.Errorf("/readyz: got %s, want neither the directory nor the list in it", a.Body)
	}
	if got := p.metrics(); !strings.Contains(got, `todo_store_failures_total{reason="`+reason+`"}`) || !strings.Contains(got, "todo_ledger_failing_keys 1\n") {
		t.Errorf("got no metric of %q", reason)
	}
	eventually(t, "the log has the reason", func() bool { return strings.Contains(p.log.String(), reason) })
	if got := strings.Count(p.log.String(), `"store refuses"`); got != 1 {
		t.Errorf("got the reason %d times in the log, want once", got)
	}
	p.Expect(200, "PUT", "/api/state/big", "[]")
	if got := string(p.Expect(200, "GET", "/readyz", "").Body); strings.Contains(got, "reason") {
		t.Errorf("/readyz after a write that fits: got %s", got)
	}
}

// A server starts on a full disk and serves its lists. A limit on the size of files
// replaces the full disk.
func TestStartOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	before := start(t, "TODO_STORE=file://"+dir)
	before.Create("l", "x")
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	cmd := command(nil, "TODO_STORE=file://"+dir)
	full := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f 0; exec "$0" --listen=127.0.0.1:0`, cmd.Path)
	full.Env = cmd.Env
	process := launchCommand(t, full)
	p := &program{API: contracttest.API{T: t, URL: process.url, Client: http.DefaultClient}}
	if got := string(p.Expect(200, "GET", "/api/lists/l/todos", "").Body); !strings.Contains(got, `"title":"x"`) {
		t.Errorf("got %s, want the list", got)
	}
	p.Expect(200, "GET", "/readyz", "")
	p.Expect(503, "POST", "/api/lists/l/todos", `{"title":"y"}`)
}

// A directory that becomes read-only while the program runs: /readyz fails with
// the reason, writes fail with certainty, reads and the program go on, the log has
// the reason once, also when its reader stalled meanwhile, and all recovers.
func TestDirectoryBecomesReadOnly(t *testing.T) {
	dir := t.TempDir()
	cmd := command(nil, "TODO_STORE=file://"+dir, "TODO_ADMIN_LISTEN=127.0.0.1:0")
	if os.Getuid() == 0 { // whom permissions do not stop
		path, err := exec.LookPath("setpriv")
		if err != nil {
			t.Fatalf("as root this test needs setpriv of util-linux: %v", err)
		}
		cmd.Args = append([]string{path, "--bounding-set=-dac_override", "--inh-caps=-dac_override", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = path
	}
	cmd.Args = append(cmd.Args, "--listen=127.0.0.1:0")
	process := launchCommand(t, cmd)
	p := &program{API: contracttest.API{T: t, URL: process.url, Client: http.DefaultClient}, admin: "http://" + process.stdout.admin, log: process.stdout}
	item := p.Create("l", "x")
	process.stdout.mu.Lock() // the reader stalls, and soon the pipe is full
	for range 300 {
		p.Expect(200, "GET", "/api/lists/l/todos", "")
	}

	readOnly(t, dir, true)
	for _, write := range [][3]string{
		{"PUT", "/api/state/l", "[]"},
		{"PUT", "/api/state/new", "[]"},
		{"POST", "/api/lists/l/todos", `{"title":"y"}`},
		{"PATCH", "/api/lists/l", `{"title":"y"}`},
		{"PATCH", "/api/lists/l/todos", `{"completed":true}`},
		{"PATCH", "/api/lists/l/todos/" + item.ID, `{"title":"y"}`},
		{"DELETE", "/api/lists/l/todos/" + item.ID, ""},
		{"DELETE", "/api/lists/l/todos", ""},
		{"DELETE", "/api/lists/l", ""},
		{"POST", "/api/lists/l/batch", `{"operations":[{"id":"1","type":"clear"}]}`},
	} {
		a := p.Expect(503, write[0], write[1], write[2])
		if !strings.Contains(string(a.Body), "Nothing was changed") || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: got %s, want that nothing was changed", write[0], write[1], a.Body)
		}
	}
	if got := p.Expect(503, "GET", "/readyz", ""); !strings.Contains(string(got.Body), "permission denied") || strings.Contains(string(got.Body), dir) {
		t.Errorf("/readyz: got %s, want the reason without the directory", got.Body)
	}
	p.Expect(200, "GET", "/livez", "")
	if got := p.Todos("l"); contracttest.Titles(got) != "x" {
		t.Errorf("got %v, want x", got)
	}

	readOnly(t, dir, false)
	process.stdout.mu.Unlock()
	p.Expect(200, "GET", "/readyz", "")
	p.Expect(200, "PATCH", "/api/lists/l/todos/"+item.ID, `{"title":"y"}`)
	if got := p.Todos("l"); contracttest.Titles(got) != "y" {
		t.Errorf("got %v, want y", got)
	}
	eventually(t, "the log has the reason", func() bool { return strings.Contains(p.log.String(), "permission denied") })
	if got := strings.Count(p.log.String(), `"store refuses"`); got != 2 {
		t.Errorf("got the reason %d times in the log, want once for each list", got)
	}
}

func readOnly(t *testing.T, dir string, on bool) {
	t.Helper()
	mode := os.FileMode(0o755)
	if on {
		mode = 0o555
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}
