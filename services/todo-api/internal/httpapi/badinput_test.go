package httpapi

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

func TestBadBodies(t *testing.T) {
	p := serve(t, nil)
	p.Expect(200, "PUT", "/api/state/l", `[{"id":1,"title":"kept","completed":false}]`)
	item := p.Todos("l")[0]
	before := p.Expect(200, "GET", "/api/state/l", "")
	const put, post, patch, all, batch, restore = "PUT /api/state/l", "POST /api/lists/l/todos", "PATCH /api/lists/l/todos/ID",
		"PATCH /api/lists/l/todos", "POST /api/lists/l/batch", "POST /api/lists/l/restore"
	for _, test := range []struct{ route, body, pointer string }{
		{put, ` `, ""},
		{put, `{}`, ""},
		{put, `null`, ""},
		{put, `"x"`, ""},
		{put, `[`, ""},
		{put, `[{"id":1,"title":"x","completed":fal`, "/0/completed"},
		{put, `[{"id":1,"title":"x","completed":false}`, ""},
		{put, `[{"id":1,"title":"x","completed":false},]`, ""},
		{put, `[] []`, ""},
		{put, `[1]`, "/0"},
		{put, `[[]]`, "/0"},
		{put, `[{"id":1,"title":"x","completed":false},{}]`, "/1"},
		{put, `[{"id":1,"title":"x"}]`, "/0"},
		{put, `[{"ID":1,"title":"x","completed":false}]`, "/0"},
		{put, `[{"id":"1","title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":null,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":1.5,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":9007199254740992,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":-9007199254740992,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":1e400,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":NaN,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":01,"title":"x","completed":false}]`, "/0"},
		{put, `[{"id":+1,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":1,"title":5,"completed":false}]`, "/0/title"},
		{put, `[{"id":1,"title":null,"completed":false}]`, "/0/title"},
		{put, `[{"id":1,"title":"x","completed":1}]`, "/0/completed"},
		{put, `[{"id":1,"title":"x","completed":"false"}]`, "/0/completed"},
		{put, `[{"id":1,"id":1,"title":"x","completed":false}]`, "/0/id"},
		{put, `[{"id":1,"title":"x","completed":false,"x":1,"x":1}]`, "/0/x"},
		{put, `[{"id":1,"title":"x","completed":false,"x":{"y":{"z":{}}}}]`, "/0/x/y/z"},
		{put, "[{\"id\":1,\"title\":\"\xff\",\"completed\":false}]", "/0/title"},
		{put, "[{\"id\":1,\"title\":\"\xed\xa0\x80\",\"completed\":false}]", "/0/title"},
		{put, `[{"id":1,"title":"\ud800","completed":false}]`, "/0/title"},
		{put, `[{"id":1,"title":"\udc00\ud800","completed":false}]`, "/0/title"},
		{put, "[{\"id\":1,\"title\":\"a\nb\",\"completed\":false}]", "/0/title"},
		{put, "\ufeff[]", ""},
		{put, `[{'id':1}]`, "/0"},
		{put, `[/**/]`, "/0"},
		{put, strings.Repeat("[", 10_000), "/0"},
		{put, strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), "/0"},
		{put, `[{"id":1,"title":"x","completed":false,"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}]`, "/0/x/0/0"},
		{put, strings.Repeat(`{"a":`, 10_000), ""},
		{post, `[]`, ""},
		{post, `{}`, ""},
		{post, `{"title":""}`, "/title"},
		{post, `{"title":" \t\n\u00a0\ufeff"}`, "/title"},
		{post, `{"title":null}`, "/title"},
		{post, `{"title":["x"]}`, "/title"},
		{post, `{"title":"x","completed":null}`, "/completed"},
		{post, `{"title":"x","order":"1"}`, "/order"},
		{post, `{"title":"x","order":1e99}`, "/order"},
		{post, `{"title":"x","id":"a b"}`, "/id"},
		{post, `{"title":"x","id":""}`, "/id"},
		{post, `{"title":"x","id":7}`, "/id"},
		{post, `{"title":"x","url":"y"}`, "/url"},
		{post, `{"title":"x","complete":true}`, "/complete"},
		{post, `{"title":"x","Title":"y"}`, "/Title"},
		{patch, `{}`, ""},
		{patch, `[]`, ""},
		{patch, `{"title":""}`, "/title"},
		{patch, `{"completed":"yes"}`, "/completed"},
		{patch, `{"id":"other"}`, "/id"},
		{all, `{}`, ""},
		{all, `{"completed":true,"title":"x"}`, "/title"},
		{all, `{"completed":0}`, "/completed"},
		{batch, `{}`, ""},
		{batch, `{"operations":{}}`, "/operations"},
		{batch, `{"operations":[]}`, "/operations"},
		{batch, `{"operations":[{"id":"1","type":"clear"},{"id":"2"}]}`, "/operations/1"},
		{batch, `{"operations":[{"id":"1","type":"explode"}]}`, "/operations/0/type"},
		{batch, `{"operations":[{"id":"","type":"clear"}]}`, "/operations/0/id"},
		{batch, `{"operations":[{"id":"1","type":"clear","todoId":"x"}]}`, "/operations/0/todoId"},
		{batch, `{"operations":[{"id":"1","type":"update","todoId":"x","change":{}}]}`, "/operations/0/change"},
		{batch, `{"operations":[{"id":"1","type":"update","change":{"title":"x"}}]}`, "/operations/0"},
		{batch, `{"operations":[{"id":"1","type":"create","todo":{"title":" "}}]}`, "/operations/0/todo/title"},
		{batch, `{"operations":[` + strings.Repeat(`{"id":"1","type":"clear"},`, 200) + `{"id":"1","type":"clear"}]}`, "/operations/200"},
		{restore, `{}`, ""},
		{restore, `{"revision":-1}`, "/revision"},
		{restore, `{"revision":"1"}`, "/revision"},
		{restore, `{"revision":1.5}`, "/revision"},
	} {
		method, path, _ := strings.Cut(test.route, " ")
		path = strings.Replace(path, "ID", item.ID, 1)
		a := p.Send(method, path, test.body)
		if a.StatusCode != 400 {
			t.Errorf("%s %.300s: got %d %.300s, want 400", test.route, test.body, a.StatusCode, a.Body)
			continue
		}
		problem := a.Problem(t)
		if problem.Pointer != test.pointer || problem.Detail == "" || problem.Instance == "" {
			t.Errorf("%s %.300s: got %+v, want the pointer %q", test.route, test.body, problem, test.pointer)
		}
		if (problem.Cause != "") != strings.HasPrefix(path, "/api/state/") {
			t.Errorf("%s: cause: got %q", test.route, problem.Cause)
		}
	}
	p.Expect(400, "PUT", "/api/state/l", "", "Content-Type", "application/json")
	a := p.Expect(400, "PUT", "/api/state/l", `[{"id":"x","title":1,"completed":2},{"id":1,"title":"x","completed":3}]`)
	if got := a.Problem(t).Errors; len(got) != 4 {
		t.Errorf("errors: got %+v, want all four", got)
	}
	after := p.Expect(200, "GET", "/api/state/l", "")
	if string(after.Body) != string(before.Body) || after.Header.Get("ETag") != before.Header.Get("ETag") {
		t.Errorf("after bad bodies: got %s %s, want %s", after.Header.Get("ETag"), after.Body, before.Body)
	}
}

// endless is a body of left bytes.
type endless struct{ left int64 }

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), e.left)
	copy(b[:n], bytes.Repeat([]byte(" "), int(n)))
	e.left -= n
	return int(n), nil
}

func TestBodiesOfAnySize(t *testing.T) {
	p := serve(t, nil)
	for _, known := range []bool{true, false} {
		const size = 50 << 20
		req, err := http.NewRequest("PUT", p.URL+"/api/state/l", &endless{size})
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if known {
			req.ContentLength = size
		}
		resp, err := p.Client.Do(req)
		if err != nil {
			t.Errorf("50 MB, length known %t: %v", known, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != 413 {
			t.Errorf("50 MB, length known %t: got %d, want 413", known, resp.StatusCode)
		}
	}
	p.Expect(413, "PUT", "/api/state/l", "["+strings.Repeat(" ", 1<<20)+"]")
	p.Expect(200, "PUT", "/api/state/l", "["+strings.Repeat(" ", 1<<20-2)+"]")
	// Compressed bodies could expand without limit.
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "x", "gzip, gzip"} {
		p.Expect(415, "PUT", "/api/state/l", "[]", "Content-Encoding", encoding)
	}
	p.Expect(200, "PUT", "/api/state/l", "[]", "Content-Encoding", "identity")
	p.Expect(431, "GET", "/api/state/l", "", "X-Long", strings.Repeat("x", 9000))
}

func TestMethods(t *testing.T) {
	page := fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}
	p := serve(t, func(o *Options) { o.Page = page })
	for _, path := range contracttest.Load().Paths {
		target := strings.NewReplacer("{name}", "l", "{id}", "x").Replace(path.Template)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "FOO", "get"} {
			declared := strings.ToLower(method)
			if method == "HEAD" {
				declared = "get"
			}
			if _, ok := path.Operations[declared]; ok && method != "get" {
				continue
			}
			// 405 takes precedence over errors of the body.
			a := p.Send(method, target, "x", "Content-Type", "text/plain")
			if method == "OPTIONS" {
				if allow := a.Header.Get("Allow"); a.StatusCode != 204 || !strings.Contains(allow, "OPTIONS") || !strings.Contains(allow, "GET") && path.Operations["get"] != nil {
					t.Errorf("%s %s: got %d, Allow %q, want 204 and what is allowed", method, target, a.StatusCode, allow)
				}
				continue
			}
			if a.StatusCode != 405 || !strings.Contains(a.Header.Get("Allow"), "OPTIONS") {
				t.Errorf("%s %s: got %d, Allow %q, want 405", method, target, a.StatusCode, a.Header.Get("Allow"))
			}
		}
	}
	for _, target := range []string{
		"/api", "/api/", "/api/x", "/api/lists", "/api/lists/l/x", "/api/lists/l/", "/api/lists/l/todos/", "/api/lists/l/todos/x/y",
		"/API/state/l", "/api/State/l", "/api/state/l/", "/nothing", "/index.html/x", "/assets/none.js", "/api/lists/l/nothing",
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			p.Expect(404, method, target, "")
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		if a := p.Expect(405, method, "/", ""); a.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("%s /: Allow: got %q, want GET, HEAD, OPTIONS", method, a.Header.Get("Allow"))
		}
	}
}
