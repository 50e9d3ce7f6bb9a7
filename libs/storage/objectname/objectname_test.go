package objectname_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/objectname"
)

func plain(key string) bool { return !strings.ContainsAny(key, "/\\") }

func Example() {
	fmt.Println(objectname.Of("Casa", plain))
	fmt.Println(objectname.Of("a/b", plain))
	fmt.Println(objectname.Key("~/YS9i.json", plain))
	// Output:
	// Casa.json
	// ~/YS9i.json
	// a/b true
}

// TestKeyRefuses: names that Of never makes are no documents.
func TestKeyRefuses(t *testing.T) {
	for _, name := range []string{
		"", ".json", "key", "key.JSON", "a/b.json", `a\b.json`, "~/.json", "~/a2V5.json", // "key" is plain
		"~/YS9i", "~/YS9i=.json", "~/!.json", "~/Ag.json", // a control character
		strings.Repeat("k", 513) + ".json", "\xff.json",
	} {
		if key, ok := objectname.Key(name, plain); ok {
			t.Errorf("Key(%q): got %q, want none", name, key)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("key")
	f.Add("a/b")
	f.Add("~/YS9i")
	f.Add("..")
	f.Fuzz(func(t *testing.T, key string) {
		if storage.CheckKey(key) != nil {
			return
		}
		name := objectname.Of(key, plain)
		if got, ok := objectname.Key(name, plain); got != key || !ok {
			t.Errorf("Key(%q): got %q and %t, want %q", name, got, ok, key)
		}
		if len(name) > 689 {
			t.Errorf("Of(%q): got %d bytes, want at most 689", key, len(name))
		}
	})
}

func TestBelow(t *testing.T) {
	for prefix, want := range map[string]string{"": "", "a": "a/", "a/b c": "a/b c/"} {
		if got, err := objectname.Below(prefix); got != want || err != nil {
			t.Errorf("%q: got %q and %v, want %q", prefix, got, err, want)
		}
	}
	for _, prefix := range []string{"/", "/a", "a/", "a//b", ".", "a/../b", "a\nb", strings.Repeat("p", 301)} {
		if got, err := objectname.Below(prefix); err == nil {
			t.Errorf("%.20q: got %q, want an error", prefix, got)
		}
	}
}
