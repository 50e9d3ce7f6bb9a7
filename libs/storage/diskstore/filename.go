package diskstore

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/gchamon/devops-challenge/libs/storage"
)

const (
	documentSuffix = ".json"
	// longMark begins the names of files of long keys. No encoded key begins with it:
	// in those, two hexadecimal digits follow a tilde.
	longMark      = "~~"
	longKeySuffix = ".key"
	// maxEncoded leaves room for suffixes in the 255 bytes that file systems
	// allow for a name.
	maxEncoded = 200
)

const hexDigits = "0123456789abcdef"

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// encode returns the key as a file name without suffix: bytes outside
// [a-z0-9_-] become ~ and two digits, so that names hold no separators, no
// dots, no device names with extensions, and nothing that differs by case or
// normalisation alone.
func encode(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('~')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// decode is the inverse of encode; ok is false for names that encode does not
// return for a valid key, and for those that [fileName] replaces by a digest.
func decode(name string) (key string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '~' {
			b.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", false
		}
		c, err := hex.DecodeString(name[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.WriteByte(c[0])
		i += 2
	}
	key = b.String()
	return key, len(name) <= maxEncoded && encode(key) == name && storage.CheckKey(key) == nil
}

// fileName returns the name of the key's file without suffix, and whether it
// is a digest, so that the key must be kept beside it.
func fileName(key string) (name string, long bool) {
	if name := encode(key); len(name) <= maxEncoded {
		return name, false
	}
	sum := sha256.Sum256([]byte(key))
	return longMark + hex.EncodeToString(sum[:]), true
}

// IsFileName reports whether a file of that name in a store's directory is a
// document.
func IsFileName(name string) bool {
	base, ok := strings.CutSuffix(name, documentSuffix)
	if !ok {
		return false
	}
	_, ok = decode(base)
	return ok || isLong(base)
}

// isLong reports whether name is the file name of a long key.
func isLong(name string) bool {
	digest, ok := strings.CutPrefix(name, longMark)
	if !ok || len(digest) != 2*sha256.Size {
		return false
	}
	return strings.Trim(digest, hexDigits) == ""
}
