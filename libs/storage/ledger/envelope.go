package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/gchamon/devops-challenge/libs/storage"
)

const (
	// format is the v of the envelope that this library writes. Formats 1 and 2
	// have a journal, format 1 has no checksum.
	format = 3
	// preamble begins an envelope. The checksum follows in crcDigits hexadecimal digits:
	// the CRC-32C of the preamble and of all bytes after the checksum's closing quote.
	// In format 2 it does not cover the preamble.
	preamble  = `{"v":3,"crc":"`
	crcDigits = 8
	// maxRevision is the largest integer that every JSON reader keeps exactly.
	maxRevision = 1<<53 - 1
	nonceBytes  = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// document is a decoded state of a key. It is immutable.
type document[T any] struct {
	version storage.Version // "" when nothing is stored
	snap    Snapshot[T]     // Age is 0
	dedup   dedup
	size    int // of the stored body
}

func newNonce() [nonceBytes]byte {
	var n [nonceBytes]byte
	_, _ = rand.Read(n[:]) // never fails; see crypto/rand
	return n
}

func nonceText(n [nonceBytes]byte) string { return base64.RawURLEncoding.EncodeToString(n[:]) }

// nonceDigest is the digest of a nonce in a dedup.
func nonceDigest(n [nonceBytes]byte) uint64 { return binary.BigEndian.Uint64(n[:]) }

// nonceOf returns the text of the nonce's beginning that the digest contains.
func nonceOf(digest uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, digest))[:tagNonce]
}

// packs are buffers of encode.
var packs sync.Pool

// encode returns the envelope of d, whose size is about likely:
//
//	{"v":3,"crc":"...","rev":17,"nonce":"...","items":...,"ops":"..."}
//
// The nonce stands early, so that no two bodies share a digest, not even of a
// prefix.
func (d *document[T]) encode(codec *Codec[T], likely int) ([]byte, error) {
	scratch, _ := packs.Get().(*[]byte)
	if scratch == nil {
		scratch = new([]byte)
	}
	ops := d.dedup.pack((*scratch)[:0])
	tail := base64.RawStdEncoding.EncodedLen(len(ops)) + len(`,"ops":""}`)
	b := make([]byte, 0, max(likely, tail)+1024) // and one more operation
	b = append(b, preamble+`00000000","rev":`...)
	b = strconv.AppendUint(b, d.snap.Revision, 10)
	b = append(b, `,"nonce":"`...)
	b = append(b, d.snap.Nonce...)
	b = append(b, `","items":`...)
	head := b
	b, err := codec.Append(head, d.snap.Doc)
	if err == nil && !bytes.HasPrefix(b, head) {
		err = errors.New("Codec.Append did not append to what it was given")
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: encoding the document: %w", err)
	}
	b = append(slices.Grow(b, tail), `,"ops":"`...)
	b = base64.RawStdEncoding.AppendEncode(b, ops)
	*scratch = ops
	packs.Put(scratch)
	b = append(b, `"}`...)
	sum := binary.BigEndian.AppendUint32(nil, checksum(b, format))
	hex.Encode(b[len(preamble):], sum)
	return b, nil
}

// checksum returns the checksum of an envelope of format v that begins with its
// preamble.
func checksum(body []byte, v uint64) uint32 {
	var sum uint32
	if v > 2 {
		sum = crc32.Checksum(body[:len(preamble)], castagnoli)
	}
	return crc32.Update(sum, castagnoli, body[len(preamble)+crcDigits+1:])
}

// checkSum compares the checksum of an envelope of format v with its bytes.
func checkSum(body []byte, v uint64) error {
	const end = len(preamble) + crcDigits
	preamble := fmt.Sprintf(`{"v":%d,"crc":"`, v)
	if len(body) <= end || string(body[:len(preamble)]) != preamble || body[end] != '"' {
		return fmt.Errorf("expected a document that begins with %s and %d digits", preamble, crcDigits)
	}
	text := body[len(preamble):end]
	if want := fmt.Sprintf("%08x", checksum(body, v)); string(text) != want {
		return fmt.Errorf("expected %q, the checksum of the document's bytes, got %s: they were changed after they had been written", want, short(text))
	}
	return nil
}

// decode is the inverse of encode. It also decodes documents that Codec.Legacy accepts.
func decode[T any](body []byte, version storage.Version, codec Codec[T]) (*document[T], error) {
	members, err := membersOf(body)
	if err != nil {
		return nil, err
	}
	d := &document[T]{version: version, size: len(body)}
	d.snap.Exists = true
	if members["v"] == nil {
		if codec.Legacy != nil {
			doc, ok, err := codec.Legacy(body)
			if err != nil {
				return nil, fmt.Errorf("in the format before revisions: %w", err)
			}
			if ok {
				sum := sha256.Sum256(body)
				d.snap.Doc, d.snap.Nonce = doc, hex.EncodeToString(sum[:16])
				return d, nil
			}
		}
		return nil, fmt.Errorf("expected an envelope, an object with /v, got %s", short(body))
	}
	// Before all else: a newer format may have any members.
	v, err := strconv.ParseUint(string(members["v"]), 10, 32)
	switch {
	case err != nil || v == 0:
		return nil, at("v", fmt.Errorf("expected a positive number, got %s", short(members["v"])))
	case v > format:
		return nil, at("v", fmt.Errorf("the document is of format %d, this library knows formats up to %d", v, format))
	case v == 1 && members["crc"] != nil:
		return nil, at("crc", errors.New("not a member of format 1"))
	case v > 2 && members["removed"] != nil:
		return nil, at("removed", fmt.Errorf("not a member of format %d", v))
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch name {
		case "v", "crc", "rev", "nonce", "items", "ops", "removed":
		default:
			return nil, at(name, errors.New("unknown member"))
		}
	}
	for _, name := range []string{"rev", "nonce", "items", "ops"} {
		if members[name] == nil {
			return nil, at(name, errors.New("missing"))
		}
	}
	rev, nonce, items, ops, removed := members["rev"], members["nonce"], members["items"], members["ops"], members["removed"]
	if d.snap.Revision, err = parseRevision(rev); err != nil {
		return nil, at("rev", err)
	}
	if d.snap.Nonce, err = parseNonce(nonce); err != nil {
		return nil, at("nonce", err)
	}
	if d.snap.Doc, err = codec.Decode(items); err != nil {
		return nil, at("items", err)
	}
	if len(ops) < 2 || ops[0] != '"' {
		return nil, at("ops", fmt.Errorf("expected a string, got %s", short(ops)))
	}
	if d.dedup, err = parseDedup(ops[1:len(ops)-1], d.snap.Revision); err != nil {
		return nil, at("ops", err)
	}
	if removed != nil && string(removed) != "[]" {
		if d.snap.Doc, err = codec.Removed(d.snap.Doc, removed); err != nil {
			return nil, at("removed", err)
		}
	}
	if v > 1 { // last, because the errors above name a place
		if err := checkSum(body, v); err != nil {
			return nil, at("crc", err)
		}
	}
	return d, nil
}

func parseRevision(raw []byte) (uint64, error) {
	rev, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil || rev == 0 || rev > maxRevision {
		return 0, fmt.Errorf("expected a whole number from 1 to %d, got %s", uint64(maxRevision), short(raw))
	}
	return rev, nil
}

func parseNonce(raw []byte) (string, error) {
	text, err := unquote(raw)
	if err != nil {
		return "", err
	}
	if b, err := base64.RawURLEncoding.Strict().DecodeString(text); err != nil || len(b) != nonceBytes {
		return "", fmt.Errorf("expected %d bytes in base64url, got %s", nonceBytes, short(raw))
	}
	return text, nil
}
