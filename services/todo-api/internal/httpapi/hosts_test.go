package httpapi

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// asHost sends a request with a Host header.
func (a *api) asHost(host, path string) *http.Response {
	a.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.URL, "http://"))
	if err != nil {
		a.T.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.T.Fatal(err)
	}
	resp.Body.Close()
	return resp
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
