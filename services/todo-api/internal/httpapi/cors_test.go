package httpapi

import (
	"strings"
	"testing"
)

func TestCORSOfListedOrigins(t *testing.T) {
	a := serve(t, func(o *Options) { o.CORSOrigins = []string{"https://a.example", "https://b.example"} })
	for origin, want := range map[string]string{"https://b.example": "https://b.example", "https://c.example": "", "": ""} {
		for _, path := range []string{"/api/lists/l/todos", "/api/state/never", "/api/none", "/api/state/%00"} {
			answer := a.Send("GET", path, "", "Origin", origin)
			if got := answer.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s from %q: got %q, want %q", path, origin, got, want)
			}
			if got := answer.Header.Get("Vary"); !strings.Contains(got, "Origin") {
				t.Errorf("%s from %q: Vary: got %q, want Origin in it", path, origin, got)
			}
		}
	}
	preflight := []string{"Origin", "https://b.example", "Access-Control-Request-Method", "PATCH"}
	if got := a.Expect(204, "OPTIONS", "/api/lists/l/todos", "", preflight...).Header; !strings.Contains(got.Get("Access-Control-Allow-Headers"), "Todo-Key") || got.Get("Allow") != "" {
		t.Errorf("preflight: got %v", got)
	}
	// Other questions are about the route.
	for _, header := range [][]string{nil, preflight[:2], preflight[2:]} {
		if got := a.Expect(204, "OPTIONS", "/api/lists/l/todos", "", header...).Header.Get("Allow"); !strings.Contains(got, "PATCH") {
			t.Errorf("OPTIONS with %v: got Allow %q, want the methods", header, got)
		}
	}
	a.Expect(404, "OPTIONS", "/api/none", "")
	off := serve(t, nil)
	if got := off.Expect(204, "OPTIONS", "/api/lists/l/todos", "", "Origin", "https://a.example", "Access-Control-Request-Method", "GET"); got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("off: got %v", got.Header)
	}
}
