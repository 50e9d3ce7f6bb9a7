package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Who knows a list's name can read and change it, so a name is a key, and logs
// and traces have a digest of it in its place. The digest is keyed, because
// names can be guessed.

// nameDigest turns names into digests.
type nameDigest struct{ key []byte }

func newNameDigest(cfg settings) nameDigest {
	if cfg.NameDigestKey != "" {
		return nameDigest{[]byte(cfg.NameDigestKey)}
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return nameDigest{key}
}

func (d nameDigest) of(name string) string {
	sum := hmac.New(sha256.New, d.key)
	sum.Write([]byte(name))
	return "list-" + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:12])
}

// scrub replaces names in text, in the forms in which stores and HTTP write
// them, where they stand as words.
func (d nameDigest) scrub(text string, names ...string) string {
	for _, name := range names {
		if name == "" {
			continue
		}
		digest := d.of(name)
		quoted := strconv.Quote(name)
		for _, form := range []string{name, quoted[1 : len(quoted)-1], url.PathEscape(name), url.QueryEscape(name), fileForm(name)} {
			text = replaceWords(text, form, digest)
		}
	}
	return text
}

// fileForm is a name as the disk driver writes it.
func fileForm(name string) string {
	var out strings.Builder
	for i := range len(name) {
		if c := name[i]; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
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

// names returns the names of lists in an error.
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

// namelessHandler writes a digest where a record has a list's name: as the
// attribute key or list, or within an error or another text.
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
	clean := slog.NewRecord(record.Time, record.Level, h.digest.scrub(record.Message, names...), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a, names))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func isName(a slog.Attr) bool {
	return (a.Key == "key" || a.Key == "list") && a.Value.Kind() == slog.KindString && a.Value.String() != ""
}

func (h *namelessHandler) attr(a slog.Attr, names []string) slog.Attr {
	switch {
	case isName(a):
		return slog.String(a.Key, h.digest.of(a.Value.String()))
	case a.Value.Kind() == slog.KindString && a.Key != "request_id" && a.Key != "operation" && a.Key != "method":
		return slog.String(a.Key, h.digest.scrub(a.Value.String(), names...))
	case a.Value.Kind() == slog.KindAny:
		return slog.String(a.Key, h.digest.scrub(fmt.Sprint(a.Value.Any()), names...))
	}
	return a
}

func (h *namelessHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = a
		if isName(a) {
			clean[i] = h.attr(a, nil)
		}
	}
	return &namelessHandler{h.Handler.WithAttrs(clean), h.digest}
}

func (h *namelessHandler) WithGroup(name string) slog.Handler {
	return &namelessHandler{h.Handler.WithGroup(name), h.digest}
}
