package httpapi

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

const onLocalhost = "Host: localhost\r\nContent-Type: application/json\r\n"

// Trailer fields are not headers (RFC 9110, 6.5.1).
func TestTrailersAreIgnored(t *testing.T) {
	a := serve(t, nil)
	for _, field := range []string{
		`If-Match: "9"`, "If-None-Match: *", "Idempotency-Key: a b", "Todo-Key: x", "X-Client: 203.0.113.9", "Accept: text/plain",
	} {
		name, _, _ := strings.Cut(field, ":")
		for _, announced := range []string{"", "Trailer: " + name + "\r\n"} {
			for _, route := range []string{"PUT /api/state/l", "PATCH /api/lists/l"} {
				body := "2\r\n[]\r\n"
				if strings.HasPrefix(route, "PATCH") {
					body = "d\r\n{\"title\":\"x\"}\r\n"
				}
				got := a.raw(route + " HTTP/1.1\r\n" + onLocalhost + announced + "Transfer-Encoding: chunked\r\n\r\n" + body + "0\r\n" + field + "\r\n\r\n")
				if got.StatusCode != 200 {
					t.Errorf("%s with the trailer field %s, announced %t: got %d %s, want 200", route, field, announced != "", got.StatusCode, got.Body)
				}
			}
		}
	}
	// The same condition as a header holds.
	a.Expect(412, "PUT", "/api/state/l", "[]", "If-Match", `"9"`)
}

// A body is complete when its last chunk has arrived (RFC 9112, section 8).
func TestIncompleteBodies(t *testing.T) {
	a := serve(t, nil)
	const chunked = onLocalhost + "Transfer-Encoding: chunked\r\n\r\n"
	for _, request := range []string{
		"PUT /api/state/l HTTP/1.1\r\n" + chunked + "2\r\n[]\r\n",
		"PUT /api/state/l HTTP/1.1\r\n" + chunked + "1\r\n[\r\n1\r\n]\r\n",
		"PATCH /api/lists/l HTTP/1.1\r\n" + chunked + "d\r\n{\"title\":\"x\"}\r\n",
		"POST /api/lists/l/todos HTTP/1.1\r\n" + chunked + "d\r\n{\"title\":\"x\"}",
		"POST /api/lists/l/todos HTTP/1.1\r\n" + onLocalhost + "Content-Length: 14\r\n\r\n{\"title\":\"x\"}",
	} {
		conn := a.open(request)
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q: %v", request, err)
		}
		if resp.Body.Close(); resp.StatusCode != 400 || !resp.Close {
			t.Errorf("%q: got %d, want 400 and the connection closed", request, resp.StatusCode)
		}
	}
	if got := a.Expect(200, "GET", "/api/lists/l", "").Header.Get("ETag"); got != `"0"` {
		t.Errorf("after incomplete requests: got a list at %s, want none", got)
	}
}

// A client that is still sending when it is refused sees the answer: the server does
// not reset the connection.
func TestRefusalsAreNotReset(t *testing.T) {
	a := serve(t, nil)
	rest := strings.Repeat("x", 4<<20)
	for head, want := range map[string]int{
		"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: ": 431,
		"GET /": 431,
		"GET  /livez HTTP/1.1\r\nHost: localhost\r\n\r\n":                                                   400,
		"PUT /api/state/l HTTP/1.1\r\n" + onLocalhost + "Host: localhost\r\nContent-Length: 900000\r\n\r\n": 400,
		"PUT /api/state/l HTTP/1.1\r\n" + onLocalhost + "Transfer-Encoding: gzip\r\n\r\n":                   400,
		"PUT /api/state/l HTTP/1.1\r\n" + onLocalhost + "Transfer-Encoding: chunked\r\n\r\nx\r\n":           400,
		"PUT /api/state/l HTTP/1.1\r\nHost: attacker.example\r\nContent-Length: 4194304\r\n\r\n":            421,
	} {
		conn := a.open(head + rest)
		answer := bufio.NewReader(conn)
		resp, err := http.ReadResponse(answer, nil)
		if err != nil {
			t.Errorf("%.70q: %v", head, err)
			continue
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != want {
			t.Errorf("%.70q: got %d, %v, want %d", head, resp.StatusCode, err, want)
		}
		if _, err := answer.ReadByte(); err != io.EOF {
			t.Errorf("%.70q: got %v after the answer, want EOF", head, err)
		}
		resp.Body.Close()
		conn.Close()
	}
}

func TestUserInformationIsRefused(t *testing.T) {
	a := serve(t, nil)
	for _, target := range []string{"http://user@localhost/api/lists/l/todos", "http://user:password@localhost/api/lists/l/todos"} {
		if got := a.raw("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n"); got.StatusCode != 400 {
			t.Errorf("%s: got %d, want 400", target, got.StatusCode)
		}
	}
	if got := a.raw("GET http://localhost/api/lists/l/todos HTTP/1.1\r\nHost: attacker.example\r\n\r\n"); got.StatusCode != 200 {
		t.Errorf("the host of the target: got %d, want 200", got.StatusCode)
	}
}

// A client of HTTP/1.0 gets addresses that it can use.
func TestAddressesWithoutAHost(t *testing.T) {
	a := serve(t, nil)
	a.Create("l", "x")
	var todos []contracttest.Todo
	if a.raw("GET /api/lists/l/todos HTTP/1.0\r\n\r\n").Into(t, &todos); !strings.HasPrefix(todos[0].URL, a.URL) {
		t.Errorf("got %s, want an address below %s", todos[0].URL, a.URL)
	}
}

// A client that sends a list in parts must not replace it by one of them.
func TestPartsOfBodiesAreRefused(t *testing.T) {
	a := serve(t, nil)
	item := a.Create("l", "x")
	for _, request := range []string{
		"PUT /api/state/l []", `POST /api/lists/l/todos {"title":"y"}`, `PATCH /api/lists/l/todos/` + item.ID + ` {"title":"y"}`,
		`PATCH /api/lists/l/todos {"completed":true}`, `PATCH /api/lists/l {"title":"y"}`,
		`POST /api/lists/l/batch {"operations":[{"id":"1","type":"clear"}]}`, `POST /api/lists/l/restore {"revision":0}`,
	} {
		parts := strings.SplitN(request, " ", 3)
		a.Expect(400, parts[0], parts[1], parts[2], "Content-Range", "bytes 0-1/4")
	}
	if got := a.Todos("l"); len(got) != 1 || got[0] != item {
		t.Errorf("got %+v, want %+v alone", got, item)
	}
}

func TestEveryContentEncodingCounts(t *testing.T) {
	a := serve(t, nil)
	for encodings, want := range map[string]int{
		"Content-Encoding: Identity\r\n": 200, "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n": 415,
		"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n": 415, "Content-Encoding: identity, gzip\r\n": 415,
	} {
		if got := a.raw("PUT /api/state/l HTTP/1.1\r\n" + onLocalhost + encodings + "Content-Length: 2\r\n\r\n[]"); got.StatusCode != want {
			t.Errorf("%q: got %d, want %d", encodings, got.StatusCode, want)
		}
	}
}

// A client that asks first is not told to send a body that is too large.
func TestExpectContinue(t *testing.T) {
	a := serve(t, nil)
	const ask = "PUT /api/state/l HTTP/1.1\r\n" + onLocalhost + "Expect: 100-continue\r\n"
	if got := a.raw(ask + "Content-Length: 1048577\r\n\r\n"); got.StatusCode != 413 || got.Problem(t).Status != 413 || !got.Close {
		t.Errorf("too large: got %d %s, want 413 and the connection closed", got.StatusCode, got.Body)
	}
	if got := a.raw(ask + "Content-Length: 2\r\n\r\n[]"); got.StatusCode != 100 {
		t.Errorf("got %d, want 100", got.StatusCode)
	}
}

// A path may percent-encode characters that need not be (RFC 3986, 6.2.2.2).
func TestEncodedPaths(t *testing.T) {
	page := fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}
	a := serve(t, func(o *Options) { o.Page = page })
	item := a.Create("a.b", "x")
	for _, path := range []string{
		"/%6c%69vez", "/%72eadyz", "/api/%64ocs", "/api/docs%2Ecss", "/api/openapi%2eyaml", "/inde%78.html", "/config%2Ejson",
		"/%61pi/state/a%2eb", "/api/%6Cists/a%2Eb", "/api/lists/a.b/%74odos", "/api/lists/%61.b/todos/%" + hex.EncodeToString([]byte(item.ID[:1])) + item.ID[1:],
		"/api/lists/a.b/histor%79", "/api/lists/a.b/%65vents",
	} {
		if got := a.Expect(200, "GET", path, ""); strings.HasPrefix(path, "/api/lists/a.b/%74") && !strings.Contains(string(got.Body), item.ID) {
			t.Errorf("%s: got %s, want the item", path, got.Body)
		}
	}
	for path, want := range map[string]int{
		"/api/lists/a.b/%2574odos": 404, "/api/lists/a.b%2Ftodos": 400, "/api/lists/%2e%2E/todos": 400, "/api/lists/%2e": 400,
		"/api/lists/%/todos": 400, "/api/lists/%7/todos": 400, "/api/lists/%zz/todos": 400, "/api/lists/%%61/todos": 400, "/api/lists/%2541/todos": 200,
	} {
		if got := a.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"); got.StatusCode != want {
			t.Errorf("%s: got %d %s, want %d", path, got.StatusCode, got.Body, want)
		}
	}
}

func TestTargets(t *testing.T) {
	page := fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}
	a := serve(t, func(o *Options) { o.Page = page })
	for target, want := range map[string]int{
		"OPTIONS *": 204, "GET *": 400, "OPTIONS /*": 404,
		"GET http://localhost": 200, "GET http://localhost?x": 200, "GET HTTP://LOCALHOST/livez": 200, "GET https://localhost/livez": 200,
		"GET ftp://localhost/livez": 400, "GET http:///livez": 400, "GET localhost/livez": 400,
	} {
		got := a.raw(target + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if got.StatusCode != want {
			t.Errorf("%s: got %d %s, want %d", target, got.StatusCode, got.Body, want)
		}
		if allow := got.Header.Get("Allow"); want == 204 && allow != "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" {
			t.Errorf("%s: got Allow %q", target, allow)
		}
	}
}

// A header that holds one value is refused on two lines. The server and a proxy might
// choose different ones.
func TestRepeatedHeaders(t *testing.T) {
	a := serve(t, nil)
	const end = "Host: localhost\r\nContent-Length: 2\r\n\r\n[]"
	for headers, want := range map[string]int{
		"Content-Type: text/plain\r\nContent-Type: application/json": 400, "Content-Type: application/json\r\ncontent-type: text/plain": 400,
		"Content-Type: application/json\r\nContent-Type: application/json": 400, "Content-Type: application/json": 200,
		"Content-Type: application/json\r\nIdempotency-Key: a\r\nIdempotency-Key: b":     400,
		"Content-Type: application/json\r\nIf-None-Match: \"7\"\r\nIf-None-Match: \"8\"": 200,
	} {
		if got := a.raw("PUT /api/state/l HTTP/1.1\r\n" + headers + "\r\n" + end); got.StatusCode != want {
			t.Errorf("%q: got %d %s, want %d", headers, got.StatusCode, got.Body, want)
		}
	}
	a.Expect(400, "GET", "/api/lists/l/events", "", "Last-Event-ID", "1", "Last-Event-ID", "2")
}

// The name of a header is a token (RFC 9110, 5.1).
func TestNamesOfHeaders(t *testing.T) {
	a := serve(t, nil)
	for name, want := range map[string]int{
		"X-A": 200, "x!#$%&'*+-.^_`|~1": 200, "X A": 400, "Idempotency Key": 400, "Transfer Encoding": 400, "X-A ": 400, " X-A": 400, "X\tA": 400,
		"X(A)": 400, "X/A": 400, "X@A": 400, "X\"A": 400, "X\x01A": 400, "Xé": 400, "": 400,
	} {
		if got := a.raw("GET /livez HTTP/1.1\r\nHost: localhost\r\n" + name + ": chunked\r\n\r\n"); got.StatusCode != want || got.Close != (want == 400) {
			t.Errorf("%q: got %d, closed %t, want %d", name, got.StatusCode, got.Close, want)
		}
	}
}

func TestVersions(t *testing.T) {
	a := serve(t, nil)
	a.Create("l", "x")
	const host = "Host: localhost\r\n"
	put := "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
	for _, test := range []struct {
		line, rest string
		status     int
	}{
		{"GET /api/lists/l/todos HTTP/1.1", host + "\r\n", 200},
		{"GET /api/lists/l/todos HTTP/1.0", host + "\r\n", 200},
		{"GET /api/lists/l/todos HTTP/1.0", "\r\n", 200},
		{"GET /api/lists/l/todos HTTP/1.2", host + "\r\n", 200},
		{"PUT /api/state/l HTTP/1.9", host + put, 200},
		{"PUT /api/state/l HTTP/1.2", host + "Expect: 100-continue\r\n" + put[:len(put)-2], 100},
		{"GET /api/lists/l/todos HTTP/1.2", "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/1.1", "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/2.0", host + "\r\n", 505},
		{"GET /api/lists/l/todos HTTP/3.0", host + "\r\n", 505},
		{"GET /api/lists/l/todos HTTP/3.0", "\r\n", 505},
		{"GET /api/lists/l/todos HTTP/0.9", host + "\r\n", 505},
		{"GET /livez HTTP/2.0", host + "\r\n", 505},
		{"OPTIONS * HTTP/9.9", host + "\r\n", 505},
		{"PUT /api/state/l HTTP/2.0", host + put, 505},
		{"PUT /api/state/l HTTP/2.0", host + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", 400}, // it does not parse
		{"GET /api/lists/l/todos HTTP/1.10", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/11", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/2", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/1.x", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/1,1", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/-1.1", host + "\r\n", 400},
		{"GET /api/lists/l/todos http/1.1", host + "\r\n", 400},
		{"GET /api/lists/l/todos Http/1.1", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTPS/1.1", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/1.1 ", host + "\r\n", 400},
		{"GET /api/lists/l/todos HTTP/", host + "\r\n", 400},
		{"GET /api/lists/l/todos ", host + "\r\n", 400},
		{"GET /api/lists/l/todos", host + "\r\n", 400},
		{"GET /api/lists/l/todos", "", 400},
		{"PRI * HTTP/2.0", "\r\nSM\r\n\r\n", 400}, // HTTP/2's preface
	} {
		got := a.raw(test.line + "\r\n" + test.rest)
		if got.StatusCode != test.status || got.Proto != "HTTP/1.1" {
			t.Errorf("%s %q: got %s %d %s, want %d", test.line, test.rest, got.Proto, got.StatusCode, got.Body, test.status)
		}
		if refused := test.status >= 400; refused && !got.Close || refused && got.Problem(t).Status != test.status {
			t.Errorf("%s: got %s, connection closed %t, want a problem and the connection closed", test.line, got.Body, got.Close)
		}
	}
}
