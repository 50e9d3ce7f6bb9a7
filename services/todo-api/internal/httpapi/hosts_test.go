package httpapi

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// open returns a connection on which text has been sent.
func (a *api) open(text string) *net.TCPConn {
	a.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.URL, "http://"))
	if err != nil {
		a.T.Fatal(err)
	}
	a.T.Cleanup(func() { conn.Close() })
	if _, err := conn.Write([]byte(text)); err != nil {
		a.T.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// raw sends a request as it is written and returns the first response. A body
// follows text if there is one.
func (a *api) raw(text string) contracttest.Answer {
	a.T.Helper()
	conn := a.open(text)
	defer conn.Close()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.T.Fatalf("%q: %v", text, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.T.Fatalf("%q: %v", text, err)
	}
	return contracttest.Answer{Response: resp, Body: body}
}

// asHost sends a request with a Host header.
func (a *api) asHost(host, path string) *http.Response {
	a.T.Helper()
	return a.raw("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n").Response
}

// DNS rebinding: unknown hosts are refused.
func TestUnknownHosts(t *testing.T) {
	for _, test := range []struct {
		allowed []string
		public  string
		want    map[string]int
	}{
		{nil, "", map[string]int{
			"localhost": 200, "localhost:8080": 200, "127.0.0.1": 200, "127.0.0.1:1": 200, "[::1]:80": 200, "LOCALHOST": 200, "todo.localhost:80": 200,
			"attacker.example": 421, "attacker.example:8080": 421, "localhost.attacker.example": 421, "127.0.0.1.attacker.example": 421, "192.168.1.4": 421, "": 400,
			"user@localhost": 400, "user:password@localhost:80": 400, "attacker.example@localhost": 400,
		}},
		{[]string{"todo.example", "192.168.1.4"}, "", map[string]int{
			"todo.example": 200, "Todo.Example:443": 200, "192.168.1.4:80": 200, "localhost": 200, "attacker.example": 421, "x.todo.example": 421,
		}},
		{nil, "https://todo.example/below", map[string]int{"todo.example": 200, "attacker.example": 421}},
		{[]string{"*"}, "", map[string]int{"attacker.example": 200}},
	} {
		a := serve(t, func(o *Options) { o.AllowedHosts, o.PublicURL = test.allowed, test.public })
		for host, want := range test.want {
			for _, path := range []string{"/api/lists/l/todos", "/", "/livez", "/api/docs"} {
				if path == "/" && want == 200 {
					continue // built without the page
				}
				got := a.asHost(host, path)
				if got.StatusCode != want {
					t.Errorf("%v: %s for host %q: got %d, want %d", test.allowed, path, host, got.StatusCode, want)
				}
				if want == 421 && !got.Close {
					t.Errorf("%v: %s for host %q: the connection stays open", test.allowed, path, host)
				}
			}
		}
	}
}
