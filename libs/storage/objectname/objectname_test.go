package objectname_test

import (
	"errors"
	"fmt"
	"slices"
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

// TestKeysOfPages: a listing whose pages cannot be one whole ends with an error,
// and whatever else a server adds is not a key.
func TestKeysOfPages(t *testing.T) {
	type page struct {
		names []string
		next  string
	}
	for name, c := range map[string]struct {
		pages map[string]page // by what they are within, and the token; the last one is ""
		want  string          // the keys, or the error
	}{
		"pages in any order": {map[string]page{
			"p/":      {[]string{"p/b.json", "p/~/"}, "2"},
			"p/ 2":    {nil, "3"},
			"p/ 3":    {[]string{"p/a.json"}, ""},
			"p/~/":    {[]string{"p/~/YS9i.json"}, "2"},
			"p/~/ 2":  {[]string{"p/~/YS9j.json"}, ""},
			"p/ none": {[]string{"p/c.json"}, ""},
		}, "[b a a/b a/c]"},
		"a server that ignores the delimiter": {map[string]page{
			"p/":   {[]string{"p/b.json", "p/~/YS9i.json", "p/x/y.json"}, ""},
			"p/~/": {[]string{"p/~/YS9i.json", "p/~/x/YS9j.json"}, ""},
		}, "[b a/b]"},
		"a token again":    {map[string]page{"p/": {[]string{"p/a.json"}, "2"}, "p/ 2": {[]string{"p/b.json"}, "3"}, "p/ 3": {nil, "2"}}, `the token "2" came before`},
		"a page again":     {map[string]page{"p/": {[]string{"p/a/"}, "2"}, "p/ 2": {[]string{"p/a/"}, "3"}}, `the page that begins with "p/a/" came before`},
		"no prefix":        {map[string]page{"p/": {[]string{"p/a.json", "b.json"}, ""}}, `the name "b.json" is not below "p/"`},
		"a shorter prefix": {map[string]page{"p/~/": {[]string{"p/b.json"}, ""}}, `the name "p/b.json" is not below "p/~/"`},
	} {
		keys, err := objectname.Keys("p/", plain, func(within, token string) ([]string, string, error) {
			page := c.pages[strings.TrimSpace(within+" "+token)]
			return slices.Clone(page.names), page.next, nil
		})
		if got := fmt.Sprint(keys); err == nil && got != c.want || err != nil && (!strings.Contains(err.Error(), c.want) || !errors.Is(err, storage.ErrUnavailable)) {
			t.Errorf("%s: got %v and %v, want %s", name, keys, err, c.want)
		}
	}

	pages := 0
	_, err := objectname.Keys("p/", plain, func(string, string) ([]string, string, error) {
		pages++
		return nil, fmt.Sprint(pages), nil
	})
	if !errors.Is(err, storage.ErrUnavailable) || pages != 1000 {
		t.Errorf("empty pages without end: got %v after %d, want %v after 1000", err, pages, storage.ErrUnavailable)
	}
	stop := errors.New("stop")
	if _, err := objectname.Keys("", plain, func(string, string) ([]string, string, error) { return nil, "", stop }); !errors.Is(err, stop) {
		t.Errorf("page that fails: got %v, want its error", err)
	}
}
