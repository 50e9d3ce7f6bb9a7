// Package objectname turns keys into the names of objects, for drivers of
// object stores and of anything else that has names and not keys.
//
// A plain key, which the store accepts as a name, becomes KEY.json, which a person
// can recognize. Any other becomes ~/BASE64URL(KEY).json: at most 689 bytes, in
// characters that every object store accepts. The driver decides which keys are
// plain; these have no slash, so the two forms never collide.
package objectname

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Encoded is the beginning of the names of keys that are not plain.
const Encoded = "~/"

const suffix = ".json"

// maxPrefix leaves room for the longest name in the 1,024 that S3 (bytes), Cloud
// Storage (bytes) and Azure (characters) allow.
const maxPrefix = 300

// Below returns the beginning of the names of all objects of a store below
// prefix: prefix and a slash, or "" for "". A prefix of more than 300
// bytes, with a line break, or with a segment that is empty, "." or ".." is an
// error.
func Below(prefix string) (string, error) {
	if prefix == "" {
		return "", nil
	}
	for segment := range strings.SplitSeq(prefix, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("prefix %q: segments must not be empty, \".\" or \"..\"", prefix)
		}
	}
	if len(prefix) > maxPrefix {
		return "", fmt.Errorf("prefix has %d bytes, at most %d are allowed", len(prefix), maxPrefix)
	}
	if strings.ContainsAny(prefix, "\r\n") {
		return "", fmt.Errorf("prefix %q: line breaks are not allowed", prefix)
	}
	return prefix + "/", nil
}

// Plain reports whether all characters of the key are unreserved in URLs
// (RFC 3986, 2.3), which every object store accepts. It is for [Of] and [Key] if
// the store has no rule of its own.
func Plain(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.~", r))
	})
}

// Of returns the name of the key's object. plain reports whether the store
// accepts the key as a name; it must report false for a key with a slash.
func Of(key string, plain func(key string) bool) string {
	if plain(key) {
		return key + suffix
	}
	return Encoded + base64.RawURLEncoding.EncodeToString([]byte(key)) + suffix
}

// Key is the inverse of [Of]; ok is false for the name of an object that is not
// a document.
func Key(name string, plain func(key string) bool) (key string, ok bool) {
	base, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return "", false
	}
	key = base
	if encoded, ok := strings.CutPrefix(base, Encoded); ok {
		decoded, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil {
			return "", false
		}
		key = string(decoded)
	}
	return key, storage.CheckKey(key) == nil && Of(key, plain) == name
}

// maxEmptyPages is more empty pages in a row than a server has a reason to send.
const maxEmptyPages = 1000

// Keys returns the keys of all documents below prefix, which [Below] has made.
// page asks for one page of the server's listing of the names below within,
// delimited by "/", and returns its objects and directories and the token of the
// next page, "" after the last; it is given that token to continue.
//
// The error is page's, or [storage.ErrUnavailable] for pages that cannot be one
// whole listing: a token or a page that comes again, a name that is not below
// within, 1,000 empty pages in a row. Otherwise a server that repeats itself would
// be listed for ever.
func Keys(prefix string, plain func(key string) bool, page func(within, token string) (names []string, next string, err error)) ([]string, error) {
	var keys []string
	for _, kind := range []string{"", Encoded} {
		within := prefix + kind
		began := map[string]bool{} // first names and tokens of the pages
		token, empty := "", 0
		for more := true; more; more = token != "" {
			names, next, err := page(within, token)
			if err != nil {
				return nil, err
			}
			if empty++; len(names) > 0 {
				empty = 0
			}
			switch {
			case next != "" && began["token "+next]:
				return nil, unusable("the token %q came before", next)
			case len(names) > 0 && began["name "+names[0]]:
				return nil, unusable("the page that begins with %q came before", names[0])
			case empty == maxEmptyPages:
				return nil, unusable("%d pages in a row are empty", empty)
			case len(names) > 0:
				began["name "+names[0]] = true
			}
			began["token "+next] = true
			token = next
			if at := slices.IndexFunc(names, func(name string) bool { return !strings.HasPrefix(name, within) }); at >= 0 {
				return nil, unusable("the name %q is not below %q", names[at], within)
			}
			for _, name := range names {
				name = name[len(within):]
				// Deeper names belong to others.
				if key, ok := Key(kind+name, plain); ok && !strings.Contains(name, "/") {
					keys = append(keys, key)
				}
			}
		}
	}
	return keys, nil
}

func unusable(format string, args ...any) error {
	return &storage.Error{Op: "keys", Err: fmt.Errorf("%w: the server's listing is not usable: %w", storage.ErrUnavailable, fmt.Errorf(format, args...))}
}
