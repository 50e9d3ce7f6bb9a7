package main

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var reference = regexp.MustCompile(`(?:href|src)="([^"#][^"]*)"`)

// Behind a proxy that strips a path prefix, all links in responses have the
// prefix.
func TestServedBelowAPath(t *testing.T) {
	for _, path := range []string{"/todo", "/a/b%20c"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		public := "http://" + listener.Addr().String() + path
		p := start(t, "TODO_STORE=mem:", "TODO_PUBLIC_URL="+public+"/")
		server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: stripping(t, path, p.URL)}}
		server.Start()
		defer server.Close()

		var config struct{ APIBase string }
		p.Expect(200, "GET", public+"/config.json", "").Into(t, &config)
		if config.APIBase != public {
			t.Errorf("config.json: got %q, want %q", config.APIBase, public)
		}
		created := p.Expect(201, "POST", public+"/api/lists/l/todos", `{"title":"a"}`)
		var todo todoBody
		created.Into(t, &todo)
		for what, address := range map[string]string{"Location": created.Header.Get("Location"), "url": todo.URL} {
			if !strings.HasPrefix(address, public+"/api/lists/l/todos/") {
				t.Errorf("%s: got %s, want it below %s", what, address, public)
			}
			p.Expect(200, "GET", address, "")
		}
		problems := []string{p.Expect(404, "GET", public+"/api/lists/l/todos/none", "").Problem(t).Type}
		var batch struct {
			Results []struct{ Problem problemBody }
		}
		p.Expect(200, "POST", public+"/api/lists/l/batch", `{"operations":[{"id":"o1","type":"delete","todoId":"none"}]}`).Into(t, &batch)
		for _, result := range batch.Results {
			problems = append(problems, result.Problem.Type)
		}
		for _, problem := range problems {
			if !strings.HasPrefix(problem, path+"/api/docs#problem-") {
				t.Errorf("type of a problem: got %q, want it below %s", problem, path)
			}
		}
		if got := string(p.Expect(200, "GET", public+"/api/openapi.yaml", "").Body); !strings.Contains(got, "\n  - url: "+path+"\n") {
			t.Errorf("openapi.yaml: its servers are not below %s", path)
		}
		// The documentation of the API, and the page if the binary has it.
		for _, page := range []string{"/api/docs", "/"} {
			answer := p.Expect(200, "GET", public+page, "")
			for _, match := range reference.FindAllStringSubmatch(string(answer.Body), -1) {
				target, err := url.Parse(public + page)
				if err == nil {
					target, err = target.Parse(match[1])
				}
				if err != nil {
					t.Fatal(err)
				}
				if target.Host == listener.Addr().String() {
					p.Expect(200, "GET", target.String(), "")
				}
			}
		}
	}
}

// stripping is a proxy that strips the prefix path. A request without it fails the
// test.
func stripping(t *testing.T, path, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.EscapedPath(), path)
		if !ok {
			t.Errorf("%s %s was asked for, which is not below %s", r.Method, r.URL, path)
			http.NotFound(w, r)
			return
		}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, to+rest, r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header, req.Host = r.Header, r.Host
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}
}
