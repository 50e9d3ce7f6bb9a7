package httpapi

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/fstest"
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

// TestAnswersVaryByEncoding checks that compressed answers, plain answers and 304s have
// the same Vary, which caches need to store both forms (RFC 9110, 12.5.5).
func TestAnswersVaryByEncoding(t *testing.T) {
	a := serve(t, func(o *Options) {
		o.Page = fstest.MapFS{"index.html": {Data: bytes.Repeat([]byte("x"), 1000)}, "icon.svg": {Data: bytes.Repeat([]byte("x"), 1000)}}
	})
	a.Expect(200, "PUT", "/api/state/l", manyItems(20))
	for _, path := range []string{
		"/api/state/l", "/api/lists/l", "/api/lists/l/todos", "/api/lists/l/todos/" + a.Todos("l")[0].ID, "/api/lists/l/history",
		"/api/openapi.yaml", "/api/docs", "/api/docs.css", "/", "/icon.svg", "/config.json",
	} {
		tag := a.Expect(200, "GET", path, "").Header.Get("ETag")
		for _, accepted := range []string{"identity", "gzip", "gzip;q=0"} {
			for condition, want := range map[string]int{"": 200, "If-None-Match: " + tag + "\r\n": 304} {
				got := a.raw("GET " + path + " HTTP/1.1\r\n" + onLocalhost + condition + "Accept-Encoding: " + accepted + "\r\n\r\n")
				if vary := got.Header.Get("Vary"); got.StatusCode != want || vary != "Accept-Encoding" {
					t.Errorf("%s, Accept-Encoding %s: got %d with Vary %q, want %d with Accept-Encoding", path, accepted, got.StatusCode, vary, want)
				}
			}
		}
	}
}

// Lists of all sizes are compressed for clients that accept it.
func TestListsAreCompressed(t *testing.T) {
	a := serve(t, nil)
	for _, n := range []int{10, 1000} {
		a.Expect(200, "PUT", "/api/state/l", manyItems(n))
		want := a.Expect(200, "GET", "/api/state/l", "", "Accept-Encoding", "identity").Body
		for _, accepted := range []string{"gzip", "gzip, deflate, br, zstd"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+"/api/state/l", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Encoding", accepted)
			got, err := http.DefaultClient.Do(req) // not a.Client, which decodes bodies to check them
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if encoding, vary := got.Header.Get("Content-Encoding"), got.Header.Get("Vary"); encoding != "gzip" || vary != "Accept-Encoding" {
				t.Errorf("%d items, Accept-Encoding %s: got Content-Encoding %q and Vary %q, want gzip and Accept-Encoding", n, accepted, encoding, vary)
				continue
			}
			unzipped, err := gzip.NewReader(got.Body)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(unzipped); err != nil || !bytes.Equal(text, want) {
				t.Errorf("%d items: got %.99q, %v, want %.99q", n, text, err, want)
			}
		}
	}
}
