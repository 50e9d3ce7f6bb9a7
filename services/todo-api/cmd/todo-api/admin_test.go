package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// metrics returns the metrics in Prometheus' text format.
func (p *program) metrics() string {
	p.T.Helper()
	resp, body := p.askAdmin("/metrics", "")
	if resp.StatusCode != http.StatusOK {
		p.T.Fatalf("/metrics: got %s: %s", resp.Status, body)
	}
	return body
}

// askAdmin sends a request to the admin listener. host is the Host header; ""
// means the address.
func (p *program) askAdmin(path, host string) (resp *http.Response, body string) {
	p.T.Helper()
	req, err := http.NewRequestWithContext(p.T.Context(), http.MethodGet, p.admin+path, http.NoBody)
	if err != nil {
		p.T.Fatal(err)
	}
	req.Host = host
	req.Close = true
	if resp, err = http.DefaultClient.Do(req); err != nil {
		p.T.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		p.T.Fatal(err)
	}
	return resp, string(read)
}

// Only the admin listener serves metrics and profiles.
func TestAdminListener(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	for path, want := range map[string]string{
		"/metrics": "todo_connections", "/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile",
		"/debug/pprof/heap?debug=1": "heap profile", "/debug/pprof/profile?seconds=1": "", "/debug/pprof/trace?seconds=0.1": "go 1.",
	} {
		resp, body := p.askAdmin(path, "")
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, want) || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %s with %s, want %q in it", path, resp.Status, short(body), want)
		}
		public, err := http.Get(p.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		public.Body.Close()
		if public.StatusCode != http.StatusNotFound {
			t.Errorf("%s at the listener for clients: got %s, want 404", path, public.Status)
		}
	}
	// DNS rebinding: unknown hosts are refused.
	if resp, body := p.askAdmin("/metrics", "attacker.example"); resp.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, "TODO_ALLOWED_HOSTS") {
		t.Errorf("for another host: got %s with %s, want 421", resp.Status, short(body))
	}
	if resp, _ := p.askAdmin("/api/state/l", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a list at the listener for operators: got %s, want 404", resp.Status)
	}
}

// Without the setting, the program opens no admin listener. An address in use is
// an error that names the setting.
func TestAdminListenerIsOptional(t *testing.T) {
	held := launch(t, nil, "TODO_STORE=mem:")
	if held.stdout.admin != "" {
		t.Errorf("got a listener for operators at %s, want none", held.stdout.admin)
	}
	out, err := command([]string{"--listen=127.0.0.1:0"}, "TODO_STORE=mem:", "TODO_ADMIN_LISTEN="+strings.TrimPrefix(held.url, "http://")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "todo-api: admin_listen: ") || !strings.Contains(string(out), "address already in use") {
		t.Errorf("an address in use: got %v, %s", err, out)
	}
	for _, value := range []string{"9090", "http://localhost:9090", "localhost:99999"} {
		out, err := command(nil, "TODO_STORE=mem:", "TODO_ADMIN_LISTEN="+value).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "TODO_ADMIN_LISTEN") || !strings.Contains(string(out), fmt.Sprintf("%q", value)) {
			t.Errorf("%s: got %v, %s", value, err, out)
		}
	}
}

// The heap may grow further between two collections than Go lets it by default,
// unless GOGC says otherwise.
func TestGarbageCollection(t *testing.T) {
	for setting, want := range map[string]string{"GOGC=": "200", "GOGC=50": "50"} {
		p := launch(t, nil, "TODO_STORE=mem:", "TODO_ADMIN_LISTEN=127.0.0.1:0", setting)
		resp, err := http.Get("http://" + strings.TrimPrefix(p.stdout.admin, "http://") + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), "\ngo_gc_gogc_percent "+want+"\n") {
			t.Errorf("%s: %v, want go_gc_gogc_percent %s", setting, err, want)
		}
	}
}
