//go:build memory

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// A thousand lists of 1 MB are read, and many of them changed, by a server in a
// container of 384 MiB, with the limit that Go takes from it.
func TestThousandLargeLists(t *testing.T) {
	const lists, clients, limit = 1000, 40, 384 // MiB
	dir, state := t.TempDir(), largeState()
	first := filepath.Join(dir, "l0.json")
	if err := os.WriteFile(first, state, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range lists - 1 { // one file of the v1 form under all names: a write replaces the name
		if err := os.Link(first, filepath.Join(dir, fmt.Sprintf("l%d.json", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	p := launchLimited(t, limit, clients, "TODO_STORE=file://"+dir, fmt.Sprintf("GOMEMLIMIT=%dMiB", limit*9/10))
	p.all(t, "reading", lists, func(i int) *http.Request { return p.readLarge(t, i) })
	p.all(t, "completing", lists/20, func(i int) *http.Request {
		return p.request(t, "PATCH", fmt.Sprintf("/api/lists/l%d/todos", 7*i), []byte(`{"completed":true}`))
	})
	p.all(t, "writing", lists/20, func(i int) *http.Request {
		return p.request(t, "PUT", fmt.Sprint("/api/state/l", 3*i), state)
	})
	p.all(t, "reading what was changed", lists/20, func(i int) *http.Request { return p.readLarge(t, 7*i) })
}
