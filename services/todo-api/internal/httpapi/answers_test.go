package httpapi

import "testing"

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
