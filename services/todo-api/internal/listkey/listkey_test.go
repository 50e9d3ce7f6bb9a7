package listkey

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// The vectors were computed with Python's hashlib; the page's tests have the same
// ones.
func TestVectors(t *testing.T) {
	for _, v := range []struct{ edit, read, id string }{
		{"AAAAAAAAAAAAAAAAAAAAAA", "xlOL0Kbepa-0Yyp5t43zE7LQSu4Qtg3Ujgn1hrwLSgY", "k-osd3sxfqjmmwr5ddcclbrgosv4eihj7b"},
		{"AAECAwQFBgcICQoLDA0ODw", "RDIjeNuLTxHwsdvcsuJwUZwdQZ-TCTXXnGuSvzCzNHg", "k-7hxr4qsjck6lo2fip6h3fnmrcqqfmaja"},
	} {
		w, err := Parse(v.edit)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(v.read)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.ReadKey(); got != r || got.Text() != v.read {
			t.Errorf("read key of %s: got %s, want %s", v.edit, got.Text(), v.read)
		}
		if w.Text() != v.edit {
			t.Errorf("text: got %s, want %s", w.Text(), v.edit)
		}
		if w.ID() != v.id || r.ID() != v.id {
			t.Errorf("ID: got %s and %s, want %s", w.ID(), r.ID(), v.id)
		}
		if got := []Access{w.Opens(v.id), r.Opens(v.id), New().Opens(v.id), Key{}.Opens(v.id)}; got[0] != Edit || got[1] != Read || got[2] != None || got[3] != None {
			t.Errorf("edit, read, foreign and zero key open %v", got)
		}
		if !IsID(v.id) {
			t.Errorf("IsID(%q): got false", v.id)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "A", strings.Repeat("A", 21), strings.Repeat("A", 23), strings.Repeat("A", 42), strings.Repeat("A", 44),
		"AAAAAAAAAAAAAAAAAAAAAB",       // bits after the 16th byte
		"AAAAAAAAAAAAAAAAAAAAA=",       // padding
		"AAAAAAAAAAAAAAAAAAAA\nA",      // Go's decoder ignores line ends
		"AAAAAAAAAAAAAAAAAAAA+/",       // the other alphabet
		strings.Repeat("A", 42) + "B",  // bits after the 32nd byte
		strings.Repeat("A", 42) + "\r", // a line end
		"AAAAAAAAAAAAAAAAAAAAéA",       // more bytes than characters
	} {
		if k, err := Parse(s); !errors.Is(err, ErrMalformed) || k != (Key{}) {
			t.Errorf("Parse(%q): got %v, want ErrMalformed", s, err)
		}
	}
}

func TestIsID(t *testing.T) {
	id := New().ID()
	for _, s := range []string{"", "k-", "groceries", strings.ToUpper(id), id + "a", id[:len(id)-1], "k_" + id[2:], id[:len(id)-1] + "1", id[:len(id)-1] + "="} {
		if IsID(s) {
			t.Errorf("IsID(%q): got true", s)
		}
	}
	if other := New().ID(); !IsID(id) || !IsID(other) || id == other {
		t.Errorf("two new lists: got %q and %q", id, other)
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	k := New()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", k, "read", k.ReadKey())
	all := fmt.Sprint(k, k.ReadKey()) + fmt.Sprintf("%v %+v %#v %s %q %x %X", k, k, k, k, k, k, k) + log.String()
	hexed := fmt.Sprintf("%x", k.w)
	for _, secret := range []string{k.Text(), k.ReadKey().Text(), hexed, fmt.Sprint(k.w)} {
		if strings.Contains(all, secret) {
			t.Errorf("a key was printed: %s", all)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("AAECAwQFBgcICQoLDA0ODw")
	f.Add("RDIjeNuLTxHwsdvcsuJwUZwdQZ-TCTXXnGuSvzCzNHg")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := Parse(s); err == nil && k.Text() != s {
			t.Errorf("Parse(%q).Text(): got %q", s, k.Text())
		}
	})
}
