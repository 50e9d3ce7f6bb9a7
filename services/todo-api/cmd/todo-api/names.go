package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/recent"
)

// Anyone with a list's name can read and change the list, so logs and traces
// contain a digest of it instead. The digest is keyed, because names can be
// guessed.

// nameDigest computes digests of names. It is safe for concurrent use.
type nameDigest struct {
	macs  *sync.Pool
	known *recent.Table[string]
}

func newNameDigest(cfg settings) nameDigest {
	key := []byte(cfg.NameDigestKey)
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
	}
	return digestBy(key)
}

func digestBy(key []byte) nameDigest {
	// Creating a MAC costs more than using one.
	return nameDigest{
		macs:  &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }},
		known: recent.New[string](4096),
	}
}

func (d nameDigest) of(name string) string {
	if digest, ok := d.known.Get(name); ok {
		return digest
	}
	mac := d.macs.Get().(hash.Hash) //nolint:errcheck,forcetypeassert // the pool contains hashes only
	defer d.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(name))
	digest := "list-" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])
	d.known.Put(name, digest)
	return digest
}

// scrub replaces names in text by digests. It finds whole words in the forms that
// stores and HTTP use.
func (d nameDigest) scrub(text string, names ...string) string {
	return d.scrubber(names).scrub(text)
}

// scrubber replaces a set of names in texts.
type scrubber []struct {
	name, digest string
	forms        []string
}

func (d nameDigest) scrubber(names []string) scrubber {
	s := make(scrubber, len(names))
	for i, name := range names {
		if name == "" {
			continue
		}
		s[i].name, s[i].digest = name, d.of(name)
		if s[i].forms = []string{name}; fileForm(name) == name {
			continue // all forms of the name are equal
		}
		quoted := strconv.Quote(name)
		s[i].forms = []string{name, quoted[1 : len(quoted)-1], url.PathEscape(name), url.QueryEscape(name), fileForm(name)}
	}
	return s
}

func (s scrubber) scrub(text string) string {
	for i := range s {
		for _, form := range s[i].forms {
			text = replaceWords(text, form, s[i].digest)
		}
	}
	return text
}

// digest returns the digest of one of the names.
func (s scrubber) digest(name string) string {
	for i := range s {
		if s[i].name == name {
			return s[i].digest
		}
	}
	return ""
}

// fileForm returns a name in the form of the disk driver.
func fileForm(name string) string {
	plain := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' }
	first := 0
	for first < len(name) && plain(name[first]) {
		first++
	}
	if first == len(name) {
		return name
	}
	var out strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "~%02x", c)
		}
	}
	return out.String()
}

func replaceWords(text, old, with string) string {
	if old == "" || !strings.Contains(text, old) {
		return text
	}
	var out strings.Builder
	for before := rune(0); ; {
		i := strings.Index(text, old)
		if i < 0 {
			out.WriteString(text)
			return out.String()
		}
		if i > 0 {
			before, _ = utf8.DecodeLastRuneInString(text[:i])
		}
		first, size := utf8.DecodeRuneInString(old)
		last, _ := utf8.DecodeLastRuneInString(old)
		after, _ := utf8.DecodeRuneInString(text[i+len(old):])
		if wordRune(before) && wordRune(first) || wordRune(last) && wordRune(after) && i+len(old) < len(text) {
			out.WriteString(text[:i+size])
			text, before = text[i+size:], first
			continue
		}
		out.WriteString(text[:i] + with)
		text, before = text[i+len(old):], ' '
	}
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// namesIn returns the names of lists in an error.
func namesIn(err error) []string {
	var names []string
	for err != nil {
		var at *storage.Error
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range joined.Unwrap() {
				names = append(names, namesIn(one)...)
			}
			return names
		}
		if ok := errors.As(err, &at); ok && errors.Is(err, error(at)) {
			names = append(names, at.Key)
		}
		err = errors.Unwrap(err)
	}
	return names
}

// namelessHandler replaces names of lists in records by digests: in the attributes
// key and list, in errors and in other texts.
type namelessHandler struct {
	slog.Handler
	digest nameDigest
}

func (h *namelessHandler) Handle(ctx context.Context, record slog.Record) error {
	var names []string
	record.Attrs(func(a slog.Attr) bool {
		if isName(a) {
			names = append(names, a.Value.String())
		} else if err, ok := a.Value.Any().(error); ok {
			names = append(names, namesIn(err)...)
		}
		return true
	})
	if len(names) == 0 {
		return h.Handler.Handle(ctx, record)
	}
	scrubber := h.digest.scrubber(names)
	clean := slog.NewRecord(record.Time, record.Level, scrubber.scrub(record.Message), record.PC)
	attrs := make([]slog.Attr, 0, 16) // on the stack
	record.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, scrubber.attr(a))
		return true
	})
	clean.AddAttrs(attrs...)
	return h.Handler.Handle(ctx, clean)
}

func isName(a slog.Attr) bool {
	return (a.Key == "key" || a.Key == "list") && a.Value.Kind() == slog.KindString && a.Value.String() != ""
}

func (s scrubber) attr(a slog.Attr) slog.Attr {
	switch {
	case isName(a):
		return slog.String(a.Key, s.digest(a.Value.String()))
	case a.Value.Kind() == slog.KindString && a.Key != "request_id" && a.Key != "operation" && a.Key != "method":
		return slog.String(a.Key, s.scrub(a.Value.String()))
	case a.Value.Kind() == slog.KindAny:
		return slog.String(a.Key, s.scrub(fmt.Sprint(a.Value.Any())))
	}
	return a
}

func (h *namelessHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = a
		if isName(a) {
			clean[i] = slog.String(a.Key, h.digest.of(a.Value.String()))
		}
	}
	return &namelessHandler{h.Handler.WithAttrs(clean), h.digest}
}

func (h *namelessHandler) WithGroup(name string) slog.Handler {
	return &namelessHandler{h.Handler.WithGroup(name), h.digest}
}
