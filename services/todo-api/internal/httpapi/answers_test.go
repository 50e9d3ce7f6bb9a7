package httpapi

import (
	"fmt"
	"testing"
)

// Shared caches do not keep lists, and other sites cannot embed them.
func TestListsArePrivate(t *testing.T) {
	a := serve(t, nil)
	a.Create("l", "x")
	for _, path := range []string{"/api/state/l", "/api/lists/l/todos", "/api/lists/l/history"} {
		got := a.Expect(200, "GET", path, "")
		if cache := got.Header.Get("Cache-Control"); cache != "private, no-cache" {
			t.Errorf("%s: Cache-Control: got %q", path, cache)
		}
		if policy := got.Header.Get("Cross-Origin-Resource-Policy"); policy != "same-origin" {
			t.Errorf("%s: Cross-Origin-Resource-Policy: got %q", path, policy)
		}
	}
}

// Small lists, sent as one body, and large ones, streamed, have the same form.
func TestWholeListsOfAllSizes(t *testing.T) {
	a := serve(t, nil)
	for _, n := range []int{0, 1, 100, 1000} {
		path := fmt.Sprintf("/api/lists/l%d", n)
		a.Expect(200, "PUT", fmt.Sprintf("/api/state/l%d", n), manyItems(n))
		todos := a.Expect(200, "GET", path+"/todos", "").Body
		for revision, title := range []string{"", "x"} {
			method, body := "GET", ""
			if title != "" {
				method, body = "PATCH", `{"title":"x"}`
			}
			want := fmt.Sprintf(`{"revision":%d,"title":%q,"todos":%s}`, revision+1, title, todos)
			got := a.Expect(200, method, path, body, "Accept-Encoding", "identity")
			if string(got.Body) != want || got.Header.Get("Content-Length") != fmt.Sprint(len(want)) || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d items: got %.99q of %s bytes as %s, want %.99q of %d", n, got.Body, got.Header.Get("Content-Length"), got.Header.Get("Content-Type"), want, len(want))
			}
		}
	}
}
