package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

func TestCheckKey(t *testing.T) {
	for key, want := range map[string]string{
		"k":                        "",
		"../a/b~ %2f":              "",
		"São João 2020":            "",
		strings.Repeat("k", 512):   "",
		strings.Repeat("🚀", 128):   "",
		"\u00a0\u200b\ufeff\ufffd": "",
		"":                         "invalid key: it is empty",
		strings.Repeat("k", 513):   "invalid key: it has 513 bytes, at most 512 are allowed",
		"a\xff":                    "invalid key: it is not valid UTF-8",
		"\xed\xa0\x80":             "invalid key: it is not valid UTF-8",
		"é\x00":                    "invalid key: it has the control character U+0000 at byte 2",
		"a\nb":                     "invalid key: it has the control character U+000A at byte 1",
		"\x7f":                     "invalid key: it has the control character U+007F at byte 0",
		"\u0085":                   "invalid key: it has the control character U+0085 at byte 0",
	} {
		err := storage.CheckKey(key)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want || !errors.Is(err, storage.ErrInvalidKey)) {
			t.Errorf("CheckKey(%.20q): got %v, want %q", key, err, want)
		}
	}
}

func FuzzCheckKey(f *testing.F) {
	f.Add("key")
	f.Add("\xff\x00")
	f.Fuzz(func(t *testing.T, key string) {
		if err := storage.CheckKey(key); err != nil && !errors.Is(err, storage.ErrInvalidKey) {
			t.Errorf("CheckKey(%q): got %v, want nil or %v", key, err, storage.ErrInvalidKey)
		} else if err == nil && (key == "" || len(key) > storage.MaxKeyBytes || strings.ContainsAny(key, "\x00\n\r\x1b\x7f") || strings.ToValidUTF8(key, "") != key) {
			t.Errorf("CheckKey(%q): got nil, want an error", key)
		}
	})
}

func TestCheckCall(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx     context.Context
		op, key string
		want    error
	}{
		{t.Context(), "get", "key", nil},
		{t.Context(), "get", "", storage.ErrInvalidKey},
		{done, "get", "key", context.Canceled},
		{t.Context(), "keys", "", nil},
		{done, "keys", "", context.Canceled},
		{t.Context(), "check", "", nil},
		{done, "check", "", context.Canceled},
	} {
		err := storage.CheckCall(c.ctx, c.op, c.key)
		var detailed *storage.Error
		if !errors.Is(err, c.want) || err != nil && (!errors.As(err, &detailed) || detailed.Op != c.op || detailed.Key != c.key) {
			t.Errorf("CheckCall(%s %q): got %v, want %v in a *storage.Error", c.op, c.key, err, c.want)
		}
	}
}

func TestAttempt(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	told := errors.New("told")
	wait := func(ctx context.Context) error { <-ctx.Done(); return told }
	fail := func(context.Context) error { return told }
	for _, c := range []struct {
		ctx     context.Context
		send    func(context.Context) error
		meaning error
		want    string
		is      []error
	}{
		{t.Context(), func(context.Context) error { return nil }, told, "<nil>", nil},
		{t.Context(), fail, storage.ErrNotFound, "document not found", []error{storage.ErrNotFound}},
		{t.Context(), fail, storage.ErrRefused, "store refused: told", []error{storage.ErrRefused, told}},
		{t.Context(), fail, storage.ErrUnavailable, "store unavailable: told", []error{storage.ErrUnavailable, told}},
		{t.Context(), wait, storage.ErrConflict, "store unavailable: no answer in time: 1ms: told", []error{storage.ErrUnavailable, context.DeadlineExceeded, told}},
		{done, wait, storage.ErrConflict, "context canceled", []error{context.Canceled}},
	} {
		limit := time.Minute
		if errors.Is(c.meaning, storage.ErrConflict) {
			limit = time.Millisecond
		}
		err := storage.Attempt(c.ctx, "get", "key", limit, c.send, func(err error) error {
			if !errors.Is(err, told) {
				t.Errorf("meaning: got %v, want %v", err, told)
			}
			return c.meaning
		})
		want := c.want
		if want != "<nil>" {
			want = `storage: get "key": ` + want
		}
		if fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
		for _, is := range []error{storage.ErrNotFound, storage.ErrConflict, storage.ErrRefused, storage.ErrUnavailable, context.Canceled, context.DeadlineExceeded, told} {
			if got, want := errors.Is(err, is), slices.Contains(c.is, is); got != want {
				t.Errorf("%v: is %v: got %t, want %t", err, is, got, want)
			}
		}
	}
}

func TestSortedKeys(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	broken := errors.New("broken")
	var got []string
	collect := func(err error) {
		t.Helper()
		for key, e := range storage.SortedKeys(ctx, func() ([]string, error) { return []string{"c", "a", "B"}, err }) {
			got = append(got, fmt.Sprintf("%s %v", key, e))
			if key == "a" {
				cancel()
			}
		}
	}
	collect(broken)
	collect(nil) // cancelled after the second key
	collect(nil) // cancelled before
	want := []string{" broken", "B <nil>", "a <nil>", " storage: keys: context canceled", " storage: keys: context canceled"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for key, err := range storage.SortedKeys(t.Context(), func() ([]string, error) { return []string{"a", "c", "a"}, nil }) {
		if key != "" || !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("a duplicate: got %q and %v, want %v alone", key, err, storage.ErrUnavailable)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&storage.Error{Op: "replace", Key: "a\nb", Err: storage.ErrConflict}, `storage: replace "a\nb": document changed by another writer`},
		{&storage.Error{Op: "open", Err: fmt.Errorf("%w: cause", storage.ErrUnavailable)}, `storage: open: store unavailable: cause`},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// bare is a store without optional interfaces.
type bare struct{ storage.Store }

func TestBareStore(t *testing.T) {
	ctx := t.Context()
	for _, err := range storage.Keys(ctx, bare{memstore.New()}) {
		if want := "storage: keys: unsupported operation: storage_test.bare cannot list"; err == nil || err.Error() != want || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Keys: got %v, want %s", err, want)
		}
	}
	if err := storage.Check(ctx, bare{memstore.New()}); err != nil {
		t.Errorf("Check: got %v, want nil", err)
	}
	away := bare{faultstore.New(memstore.New(), faultstore.Script("get", faultstore.Fault{Kind: faultstore.FailBefore}))}
	var detailed *storage.Error
	if err := storage.Check(ctx, away); !errors.Is(err, storage.ErrUnavailable) || !errors.As(err, &detailed) || detailed.Op != "check" {
		t.Errorf("Check: got %v, want the store's error as one of check", err)
	}
}
