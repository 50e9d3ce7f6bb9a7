package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// What the operating system says of a disk that takes no more is in the log
// once, and told by /readyz and the metrics until it passes. The limit on the
// size of files stands for the full disk: the kernel refuses the write.
func TestReasonOfRefusedWrites(t *testing.T) {
	dir := t.TempDir()
	cmd := command(nil, "TODO_STORE=file://"+dir, "TODO_ADMIN_LISTEN=127.0.0.1:0")
	limited := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f 64; exec "$0" --listen=127.0.0.1:0`, cmd.Path)
	limited.Env = cmd.Env
	process := launchCommand(t, limited)
	p := &program{t: t, url: process.url, admin: "http://" + process.stdout.admin, client: http.DefaultClient, log: process.stdout}

	const reason = "file too large"
	for range 3 {
		a := p.expect(503, "PUT", "/api/state/big", string(largeState()))
		if strings.Contains(string(a.body), "outcome") {
			t.Errorf("a refused write: got %s, want that nothing was changed", a.body)
		}
	}
	p.expect(201, "POST", "/api/lists/small/todos", `{"title":"x"}`)
	a := p.expect(200, "GET", "/readyz", "")
	var health struct{ Status, Reason string }
	if err := json.Unmarshal(a.body, &health); err != nil || health.Status != "ok" || !strings.HasSuffix(health.Reason, ": "+reason) {
		t.Errorf("/readyz: got %s, %v, want the reason", a.body, err)
	}
	if strings.Contains(string(a.body), dir) || strings.Contains(string(a.body), "big") {
		t.Errorf("/readyz: got %s, want neither the directory nor the list in it", a.body)
	}
	if got := p.metrics(); !strings.Contains(got, `todo_store_failures_total{reason="`+reason+`"}`) || !strings.Contains(got, "todo_ledger_failing_keys 1\n") {
		t.Errorf("got no metric of %q", reason)
	}
	eventually(t, "the log has the reason", func() bool { return strings.Contains(p.log.String(), reason) })
	if got := strings.Count(p.log.String(), `"store refuses"`); got != 1 {
		t.Errorf("got the reason %d times in the log, want once", got)
	}
	p.expect(200, "PUT", "/api/state/big", "[]")
	if got := string(p.expect(200, "GET", "/readyz", "").body); strings.Contains(got, "reason") {
		t.Errorf("/readyz after a write that fits: got %s", got)
	}
}
