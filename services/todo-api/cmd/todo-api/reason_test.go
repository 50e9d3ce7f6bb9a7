package main

import (
	"encoding/json"
	"net/http"
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
