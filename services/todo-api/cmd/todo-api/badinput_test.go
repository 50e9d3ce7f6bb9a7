package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// No name causes a 500, escapes the store or collides with another, on any store.
func TestNames(t *testing.T) {
	long := strings.Repeat("n", 128)
	// The status of a PUT by the name in the URL.
	names := map[string]int{
		"default": 200, "Default": 200, "DEFAULT": 200, "con": 200, "nul.json": 200, "COM1": 200, "a.json": 200, ".hidden": 200, "...": 200,
		"S%C3%A3o%20Jo%C3%A3o": 200, "%E2%80%AEabc": 200, "%F0%9F%8E%89": 200, "~": 200, "a~b": 200, "%25": 200, "a+b": 200, "a%20b": 200, "a;b": 200,
		"a&b=c": 200, "%3Fx": 200, "%23x": 200, "e%CC%81": 200, "%C3%A9": 200, "*": 200, "'%22%3C%3E": 200, ":name": 200, "LPT1%3A": 200, "%20": 200,
		"trailing.": 200, "trailing%20": 200, "constructor": 200, "__proto__": 200, ".lock": 200, "lists": 200,
		long: 200, strings.Repeat("%F0%9F%8E%89", 128): 200,
		"%2e": 400, "%2e%2e": 400, "..%2f": 400, "..%2F..%2Fetc%2Fpasswd": 400, "a%2Fb": 400, "..%5c": 400, `a%5Cb`: 400,
		"%00": 400, "a%00b": 400, "%01": 400, "%7f": 400, "%C2%85": 400, "%0d%0aX: y": 400, "%zz": 400, "%": 400, "%f": 400, "%ff": 400, "%C3": 400,
		"%C0%AF": 400, "%ED%A0%80": 400, "%FE%FF": 400,
		long + "n": 400, strings.Repeat("n", 5000): 400, strings.Repeat("%C3%A9", 129): 400,
		"../x": 404, "": 404, "a/b": 404, "a/": 404, "/a": 404,
	}
	dir := t.TempDir()
	inner := filepath.Join(dir, "data")
	for store, p := range map[string]*program{
		"memory": start(t, "TODO_STORE=mem:"),
		"disk":   start(t, "TODO_STORE=file://"+inner),
		"bbolt":  start(t, "TODO_STORE=bolt://"+filepath.Join(t.TempDir(), "db")),
	} {
		for name, status := range names {
			body := fmt.Sprintf(`[{"id":1,"title":%q,"completed":false}]`, name)
			a := p.raw("PUT", "/api/state/"+name, body)
			if a.StatusCode != status {
				t.Errorf("%s: PUT %s: got %d %s, want %d", store, short(name), a.StatusCode, a.Body, status)
			}
		}
		for name, status := range names {
			if status != 200 {
				continue
			}
			if a := p.raw("GET", "/api/state/"+name, ""); !strings.Contains(string(a.Body), fmt.Sprintf("%q", name)) {
				t.Errorf("%s: GET %s: got %d %s, want its own title", store, short(name), a.StatusCode, a.Body)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the directory: got %v, %v, want nothing", entries, err)
	}
}

// raw sends a request whose target no URL library normalizes.
func (p *program) raw(method, target, body string) answer {
	p.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		p.T.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", method, target, len(body), body)
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		p.T.Fatalf("%s %s: %v", method, short(target), err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		p.T.Fatalf("%s %s: %v", method, short(target), err)
	}
	if req, err := http.NewRequest(method, p.URL+target, http.NoBody); err == nil {
		if err := contracttest.Load().Check(req, resp, read); err != nil {
			p.T.Errorf("%s %s: the answer %d is not what the contract says: %v", method, short(target), resp.StatusCode, err)
		}
	}
	return answer{Response: resp, Body: read}
}

// The server refuses requests that a proxy might parse differently.
func TestSmuggling(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	const smuggled = "GET /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
	requests := map[string]string{
		"length and chunks":       "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"chunks and length":       "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + smuggled,
		"two lengths":             "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 43\r\n\r\n" + smuggled,
		"the same length twice":   "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n" + smuggled,
		"a list of lengths":       "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0, 0\r\n\r\n" + smuggled,
		"a negative length":       "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n" + smuggled,
		"a signed length":         "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n" + smuggled,
		"a hexadecimal length":    "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x0\r\n\r\n" + smuggled,
		"an enormous length":      "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n" + smuggled,
		"chunks twice":            "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"chunks of HTTP/1.0":      "POST /api/lists/l/todos HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n" + smuggled,
		"an unknown encoding":     "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"identity, chunked":       "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a space before a colon":  "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n" + smuggled,
		"an extension with LF":    "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n" + smuggled,
		"a chunk that is no size": "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + smuggled,
		"a chunk without its end": "POST /api/lists/l/todos HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + smuggled,
		"no host":                 "GET /api/state/smuggled HTTP/1.1\r\n\r\n",
		"two hosts":               "GET /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\nHost: y\r\n\r\n",
		"a NUL in a header":       "GET /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
		"a NUL in a name":         "GET /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\nX\x00: a\r\n\r\n",
		"a header with CR":        "GET /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\nX: a\rb: c\r\n\r\n",
		"no name":                 "GET /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n",
		"no version":              "GET /api/state/smuggled\r\nHost: localhost\r\n\r\n",
		"a space too many":        "GET  /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"binary":                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"no method":               " /api/state/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
	}
	for name, request := range requests {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		r := bufio.NewReader(conn)
		answers := 0
		for {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				break
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			answers++
			if resp.StatusCode/100 != 4 {
				t.Errorf("%s: got %d, want a refusal", name, resp.StatusCode)
			}
			// The smuggled request would be answered 404.
			if resp.StatusCode == 404 {
				t.Errorf("%s: the second request was answered", name)
			}
		}
		conn.Close()
		if answers > 1 {
			t.Errorf("%s: got %d answers, want one and the end of the connection", name, answers)
		}
	}
	p.Expect(200, "GET", "/livez", "")
}

// The server disconnects slow clients and keeps serving others.
func TestSlowClient(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_READ_TIMEOUT=200ms")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow"); err != nil {
		t.Fatal(err)
	}
	p.Expect(200, "GET", "/livez", "")
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %v, %v, want 408", resp, err)
	}
}

// The item's URL contains the client's Host header.
func TestHostileHost(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_ALLOWED_HOSTS=*")
	p.Create("l", "x")
	for _, host := range []string{`a"b`, "a<b", `a\b`, "a b", strings.Repeat("a", 256)} {
		req, err := http.NewRequest("GET", p.URL+"/api/lists/l/todos", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		if resp, err := p.Client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode != 400 {
				t.Errorf("Host %s: got %d, want 400", host, resp.StatusCode)
			}
		}
	}
	public := start(t, "TODO_STORE=mem:", "TODO_PUBLIC_URL=https://todo.example/base/")
	todo := public.Create("S%C3%A3o%20Jo%C3%A3o", "x")
	if want := "https://todo.example/base/api/lists/S%C3%A3o%20Jo%C3%A3o/todos/" + todo.ID; todo.URL != want {
		t.Errorf("url: got %s, want %s", todo.URL, want)
	}
	if _, err := url.Parse(todo.URL); err != nil {
		t.Error(err)
	}
}
