package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// asHost sends a request to a server for a host.
func (p *program) asHost(host, path string) *http.Response {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// A page whose name was made to resolve to this machine gets nothing.
func TestUnknownHosts(t *testing.T) {
	for _, test := range []struct {
		environ []string
		want    map[string]int
	}{
		{nil, map[string]int{
			"localhost": 200, "localhost:8080": 200, "127.0.0.1": 200, "127.0.0.1:1": 200, "[::1]:80": 200, "LOCALHOST": 200, "todo.localhost:80": 200,
			"attacker.example": 421, "attacker.example:8080": 421, "localhost.attacker.example": 421, "127.0.0.1.attacker.example": 421, "192.168.1.4": 421, "": 400,
		}},
		{[]string{"TODO_ALLOWED_HOSTS=todo.example,192.168.1.4"}, map[string]int{
			"todo.example": 200, "Todo.Example:443": 200, "192.168.1.4:80": 200, "localhost": 200, "attacker.example": 421, "x.todo.example": 421,
		}},
		{[]string{"TODO_PUBLIC_URL=https://todo.example/below"}, map[string]int{"todo.example": 200, "attacker.example": 421}},
		{[]string{"TODO_ALLOWED_HOSTS=*"}, map[string]int{"attacker.example": 200}},
	} {
		p := start(t, append(test.environ, "TODO_STORE=mem:")...)
		for host, want := range test.want {
			for _, path := range []string{"/api/lists/l/todos", "/", "/livez", "/api/docs"} {
				if path == "/" && want == 200 {
					continue // the page may not be built
				}
				if got := p.asHost(host, path).StatusCode; got != want {
					t.Errorf("%v: %s for host %q: got %d, want %d", test.environ, path, host, got, want)
				}
			}
		}
	}
}

// One client's event streams leave room for the others.
func TestStreamsOfOneClient(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_MAX_CLIENT_STREAMS=3", "TODO_CLIENT_ADDRESS_HEADER=X-Forwarded-For")
	open := func(from string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/lists/l/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", from)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp.StatusCode
	}
	for i := range 3 {
		if got := open(fmt.Sprintf("[2001:db8::%d]:80", i)); got != 200 {
			t.Fatalf("stream %d: got %d", i, got)
		}
	}
	if got := open("2001:db8::9"); got != 429 {
		t.Errorf("a fourth of one network: got %d, want 429", got)
	}
	for _, other := range []string{"198.51.100.7", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"} {
		if got := open(other); got != 200 {
			t.Errorf("a stream of %s: got %d, want 200", other, got)
		}
	}
}

// Shared caches and other sites keep their hands off lists.
func TestListsArePrivate(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	p.create("l", "x")
	for _, path := range []string{"/api/state/l", "/api/lists/l/todos", "/api/lists/l/history"} {
		a := p.expect(200, "GET", path, "")
		if got := a.Header.Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("%s: Cache-Control: got %q", path, got)
		}
		if got := a.Header.Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
			t.Errorf("%s: Cross-Origin-Resource-Policy: got %q", path, got)
		}
	}
}
