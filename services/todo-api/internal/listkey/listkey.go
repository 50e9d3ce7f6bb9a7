// Package listkey derives and checks the keys of private lists.
//
// A private list has an edit key W, 16 random bytes. Its read key R is
// SHA-256("read" || W), and its ID is "k-" and the first 20 bytes of
// SHA-256("list" || R) in lower-case base32. W opens the list for editing and
// R for reading; the ID opens nothing. Each is derived from the previous one by
// a one-way function, so a server stores no key.
package listkey

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const (
	editBytes = 16
	readBytes = sha256.Size
	idBytes   = 20
	idPrefix  = "k-"
	idLength  = len(idPrefix) + idBytes/5*8
	idLetters = "abcdefghijklmnopqrstuvwxyz234567"
)

var (
	text = base64.RawURLEncoding.Strict()
	name = base32.NewEncoding(idLetters).WithPadding(base32.NoPadding)
)

// ErrMalformed is returned by [Parse] for invalid text. It does not repeat the
// text.
var ErrMalformed = errors.New("a key has 22 (edit key) or 43 (read key) characters of base64url without padding")

// Access is the access to a list that a key gives.
type Access int

// Each access includes the previous ones.
const (
	None Access = iota
	Read
	Edit
)

// Key is an edit key or a read key. The zero Key opens no list. It prints as
// "[key]"; see [Key.Text].
type Key struct {
	edit bool
	read [readBytes]byte
	w    [editBytes]byte // when edit
}

// New returns a random edit key.
func New() Key {
	var w [editBytes]byte
	_, _ = rand.Read(w[:]) // never fails (crypto/rand)
	return editKey(w)
}

// Parse decodes a key: 22 characters of base64url (RFC 4648, section 5, without
// padding) for an edit key, 43 for a read key. Otherwise the error is
// [ErrMalformed].
func Parse[T string | []byte](s T) (Key, error) {
	switch len(s) {
	case text.EncodedLen(editBytes):
		var w [editBytes]byte
		if n, err := text.Decode(w[:], []byte(s)); err != nil || n != editBytes {
			return Key{}, ErrMalformed
		}
		return editKey(w), nil
	case text.EncodedLen(readBytes):
		var k Key
		if n, err := text.Decode(k.read[:], []byte(s)); err != nil || n != readBytes {
			return Key{}, ErrMalformed
		}
		return k, nil
	}
	return Key{}, ErrMalformed
}

func editKey(w [editBytes]byte) Key {
	return Key{edit: true, w: w, read: sha256.Sum256(append([]byte("read"), w[:]...))}
}

// ReadKey returns the read key of the same list.
func (k Key) ReadKey() Key { return Key{read: k.read} }

// ID returns the name of the key's list.
func (k Key) ID() string {
	id := k.id()
	return string(id[:])
}

func (k *Key) id() (id [idLength]byte) {
	var hashed [len("list") + readBytes]byte // on the stack, unlike the result of append
	copy(hashed[copy(hashed[:], "list"):], k.read[:])
	sum := sha256.Sum256(hashed[:])
	name.Encode(id[copy(id[:], idPrefix):], sum[:idBytes])
	return id
}

// Opens returns the access of the key to the list named id: [None] unless id is
// k.ID(). It compares in constant time.
func (k Key) Opens(id string) Access {
	own, other := k.id(), [idLength]byte{}
	if copy(other[:], id) != len(id) || subtle.ConstantTimeCompare(own[:], other[:]) != 1 {
		return None
	}
	if k.edit {
		return Edit
	}
	return Read
}

// Text returns the key in the form that [Parse] accepts.
func (k Key) Text() string {
	if k.edit {
		return text.EncodeToString(k.w[:])
	}
	return text.EncodeToString(k.read[:])
}

// Format writes "[key]" for all verbs, so that keys do not appear in logs and
// messages.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[key]") }

// LogValue returns "[key]".
func (Key) LogValue() slog.Value { return slog.StringValue("[key]") }

// IsID reports whether the name is that of a private list: "k-" and 32 characters
// of lower-case base32.
func IsID(name string) bool {
	if len(name) != idLength || name[:len(idPrefix)] != idPrefix {
		return false
	}
	for _, c := range []byte(name[len(idPrefix):]) {
		if !(c >= 'a' && c <= 'z' || c >= '2' && c <= '7') {
			return false
		}
	}
	return true
}
