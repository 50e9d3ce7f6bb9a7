package redishints

import (
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

func TestParse(t *testing.T) {
	for _, address := range []string{
		"redis://localhost", "redis://localhost:6379", "redis://localhost:6379/", "redis://localhost:6379/0",
		"rediss://user:pass@cache.example:6380", "redis://:pass@[::1]:6379",
	} {
		if _, err := Parse(address); err != nil {
			t.Errorf("%s: got %v", address, err)
		}
	}
	for _, address := range []string{
		"", "localhost:6379", "redis:", "redis://", "redis://:6379", "http://localhost:6379", "redis://localhost:0", "redis://localhost:99999",
		"redis://localhost:secret", "redis://localhost/1", "redis://localhost/x", "redis://localhost?db=1", "redis://localhost#x",
		"redis://user:secret@local host", "redis://user:secret@localhost:x", "unix:///run/redis.sock", "\x00",
	} {
		_, err := Parse(address)
		if err == nil {
			t.Errorf("%s: got no error", address)
		} else if !strings.Contains(err.Error(), "expected the address of a Redis or Valkey server") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want the expected form without the address", address, err)
		}
	}
}

func TestReceive(t *testing.T) {
	b := &Bus{sender: strings.Repeat("a", 26)}
	other := strings.Repeat("b", 26)
	var got []ledger.Hint
	hinted := func(h ledger.Hint) { got = append(got, h) }
	for _, text := range []string{
		"", " ", "hello", other, other + " 1", other + " 1 ", other + " -1 k", other + " 1.5 k", other + " 18446744073709551616 k",
		"bb 1 k", `{"key":"k","rev":1}`, other + " 1 " + strings.Repeat("k", 2000),
	} {
		b.receive(text, hinted)
	}
	if len(got) > 0 || b.Stats().Ignored != 12 {
		t.Errorf("got %v and %d ignored, want no hint and 12 ignored", got, b.Stats().Ignored)
	}
	b.receive(b.sender+" 1 k", hinted) // its own
	b.receive(other+" 7 a key", hinted)
	b.receive(other+" 0 k", hinted)
	if want := []ledger.Hint{{Key: "a key", Revision: 7}, {Key: "k"}}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] || b.Stats().Ignored != 12 {
		t.Errorf("got %v and %d ignored, want %v and 12", got, b.Stats().Ignored, want)
	}
}
