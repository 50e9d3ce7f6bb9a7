package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"
)

// Precompressed files are sent to clients that accept the encoding. Each encoding
// has its own ETag.
func TestPageEncodings(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	page, err := loadPage(fstest.MapFS{
		"index.html": file("plain"), "index.html.br": file("as br"), "index.html.gz": file("as gzip"),
		"icon.png": file("icon"), "config.json": file("{}"), "config.json.br": file("as br"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(page) != 3 {
		t.Errorf("got %d paths, want /, /index.html and /icon.png", len(page))
	}
	app := fiber.New()
	for path, a := range page {
		app.Get(path, a.serve)
	}
	get := func(path string, header http.Header) *http.Response {
		t.Helper()
		req := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		req.Header = header
		resp, err := app.Test(req, -1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	tags := make(map[string]string)
	for accepted, want := range map[string]string{
		"": "", "identity": "", "deflate": "", "br;q=0": "", "br;q=0, gzip": "gzip", "x-gzip": "",
		"gzip, deflate, br, zstd": "br", "br": "br", "gzip;q=1.0, br;q=0.1": "br", "gzip": "gzip", "*": "br",
		"br;q=0, *": "gzip", "*, br;q=0.000": "gzip", "*;q=0, br": "br", "br;q=0, gzip;q=0, *": "", "*;q=0": "", "GZIP": "gzip", "brotli, gzipx": "",
	} {
		header := http.Header{}
		if accepted != "" {
			header.Set("Accept-Encoding", accepted)
		}
		resp := get("/", header)
		body, err := io.ReadAll(resp.Body)
		text := map[string]string{"": "plain", "br": "as br", "gzip": "as gzip"}[want]
		if err != nil || resp.Header.Get("Content-Encoding") != want || string(body) != text {
			t.Errorf("Accept-Encoding %q: got Content-Encoding %q and %q, %v, want %q and %q", accepted, resp.Header.Get("Content-Encoding"), body, err, want, text)
		}
		if got := resp.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("Accept-Encoding %q: got Content-Type %q", accepted, got)
		}
		if got := resp.Header.Get("Vary"); got != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: got Vary %q, want Accept-Encoding", accepted, got)
		}
		tags[want] = resp.Header.Get("ETag")
		header.Set("If-None-Match", tags[want])
		if got := get("/", header).StatusCode; got != http.StatusNotModified {
			t.Errorf("Accept-Encoding %q with its ETag: got %d, want 304", accepted, got)
		}
	}
	if tags[""] == tags["br"] || tags["br"] == tags["gzip"] || tags[""] == tags["gzip"] {
		t.Errorf("got ETags %v, want one for each encoding", tags)
	}
	if got := get("/icon.png", http.Header{"Accept-Encoding": {"br"}}); got.Header.Get("Vary") != "" || got.Header.Get("Content-Encoding") != "" {
		t.Errorf("a file of one form: got %v, want no Vary and no Content-Encoding", got.Header)
	}

	_, err = loadPage(fstest.MapFS{"app.js.gz": file("as gzip")})
	if err == nil || !strings.Contains(err.Error(), "app.js.gz: there is no app.js") {
		t.Errorf("an encoded file alone: got %v, want an error that names it", err)
	}
}

// The page and the documents have conditions as lists do (RFC 9110, 13.1).
func TestConditionsOfFiles(t *testing.T) {
	page := fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "assets/x.js": {Data: []byte("x")}}
	a := serve(t, func(o *Options) { o.Page = page })
	for _, path := range []string{"/", "/index.html", "/assets/x.js", "/config.json", "/api/docs", "/api/docs.css", "/api/openapi.yaml"} {
		tag := a.Expect(200, "GET", path, "").Header.Get("ETag")
		for _, method := range []string{"GET", "HEAD"} {
			a.Expect(200, method, path, "", "If-Match", tag)
			a.Expect(200, method, path, "", "If-Match", `"x"`, "If-Match", tag)
			a.Expect(200, method, path, "", "If-Match", "*")
			a.Expect(412, method, path, "", "If-Match", "W/"+tag)
			a.Expect(412, method, path, "", "If-Match", `"x"`, "If-None-Match", tag)
			a.Expect(304, method, path, "", "If-Match", tag, "If-None-Match", "W/"+tag)
		}
	}
}
