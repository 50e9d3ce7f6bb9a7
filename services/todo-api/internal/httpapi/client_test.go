package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
)

func TestParseClient(t *testing.T) {
	for text, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "198.51.100.7:4711": "198.51.100.7", " 198.51.100.7 ": "198.51.100.7",
		"2001:db8::1": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "[2001:db8::1]:4711": "2001:db8::1", `"[2001:db8::1]:4711"`: "2001:db8::1",
		"2001:db8:0:0:0:0:0:1:4711": "2001:db8::1", "::ffff:198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7:80": "198.51.100.7",
		"203.0.113.9, 198.51.100.7": "198.51.100.7", "203.0.113.9,[2001:db8::1]:80": "2001:db8::1",
		`for="[2001:db8::1]:4711";proto=https`: "2001:db8::1", "For=198.51.100.7;by=203.0.113.43": "198.51.100.7",
		"": "", "unknown": "", "198.51.100.300": "", "for=_hidden": "", ":80": "", "[]": "",
	} {
		got, ok := parseClient(text, false)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: got %v, %t, want %q", text, got, ok, want)
		}
	}
	for text, want := range map[string]string{
		"198.51.100.7:46532": "198.51.100.7", "2001:db8::5:6:7:8:443": "2001:db8::5:6:7:8", "2001:db8:0:0:5:6:7:8:443": "2001:db8::5:6:7:8",
		"[2001:db8::1]:443": "2001:db8::1", "198.51.100.7": "198.51.100.7", "[2001:db8::1]": "2001:db8::1",
	} {
		if got, ok := parseClient(text, true); !ok || got.String() != want {
			t.Errorf("with a port, %q: got %v, %t, want %s", text, got, ok, want)
		}
	}
}

func TestClientsAreNetworks(t *testing.T) {
	at := func(s string) client { return clientAt(netip.MustParseAddr(s)) }
	if at("2001:db8::1") != at("2001:db8::ffff:1") || at("2001:db8::1") == at("2001:db8:0:1::1") {
		t.Error("an IPv6 client is not its /64")
	}
	if at("198.51.100.7") == at("198.51.100.8") || at("198.51.100.7") != at("::ffff:198.51.100.7") {
		t.Error("an IPv4 client is not its address")
	}
	if !at("127.0.0.2").exempt() || !at("::1").exempt() || at("198.51.100.7").exempt() {
		t.Error("clients on this machine alone are exempt")
	}
}

// One client cannot use all event streams.
func TestStreamsOfOneClient(t *testing.T) {
	a := serve(t, func(o *Options) { o.ClientStreams, o.ClientAddress = 3, "X-Forwarded-For" })
	open := func(from string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+"/api/lists/l/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", from)
		resp, err := a.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp.StatusCode
	}
	for i := range 3 {
		if got := open(fmt.Sprintf("[2001:db8::%d]:80", i)); got != 200 {
			t.Fatalf("stream %d: got %d", i, got)
		}
	}
	if got := open("2001:db8::9"); got != 429 {
		t.Errorf("a fourth of one network: got %d, want 429", got)
	}
	for _, other := range []string{"198.51.100.7", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"} {
		if got := open(other); got != 200 {
			t.Errorf("a stream of %s: got %d, want 200", other, got)
		}
	}
}
