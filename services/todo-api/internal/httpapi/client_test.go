package httpapi

import (
	"net/netip"
	"testing"
	"time"
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

// A client that waits as long as it is told to is answered, and no sooner.
func TestRate(t *testing.T) {
	r := rate{perMinute: 3}
	from, now := clientAt(netip.MustParseAddr("198.51.100.7")), time.Unix(1000, 0)
	for i := range 3 {
		if wait := r.wait(from, now); wait != 0 {
			t.Fatalf("request %d: got %v, want none to wait", i, wait)
		}
	}
	wait := r.wait(from, now)
	if wait <= 0 || wait > time.Minute {
		t.Fatalf("the fourth: got %v, want a wait", wait)
	}
	if early := r.wait(from, now.Add(wait-time.Millisecond)); early <= 0 {
		t.Error("it is answered before the wait is over")
	}
	if after := r.wait(from, now.Add(wait)); after != 0 {
		t.Errorf("after the wait: got another of %v", after)
	}
	if other := r.wait(clientAt(netip.MustParseAddr("198.51.100.8")), now); other != 0 {
		t.Errorf("another client: got %v", other)
	}
}

// However many clients there are, few are remembered.
func TestRateIsBounded(t *testing.T) {
	r := rate{perMinute: 1}
	for i := range maxClients + 10 {
		r.wait(clientAt(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), time.Unix(1000, 0))
	}
	if len(r.full) > maxClients {
		t.Errorf("got %d clients in memory, want at most %d", len(r.full), maxClients)
	}
}
