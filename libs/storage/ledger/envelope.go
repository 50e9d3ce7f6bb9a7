package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"sync"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

const (
	// format is the v of the envelope that this library writes. Format 1 has no
	// checksum.
	format = 2
	// preamble begins an envelope. The checksum follows in crcDigits hexadecimal
	// digits: the CRC-32C of all bytes after the quote behind them.
	preamble  = `{"v":2,"crc":"`
	crcDigits = 8
	// maxRevision is the largest integer that every JSON reader keeps exactly.
	maxRevision = 1<<53 - 1
	nonceBytes  = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errUnknownMember = errors.New("unknown member")

// document is one stored state of a key, decoded. It is immutable.
type document[T any] struct {
	version    storage.Version // "" when nothing is stored
	snap       Snapshot[T]     // Age is 0
	mem        memory
	removedRaw []json.RawMessage // snap.Removed as stored
	size       int               // of the stored body
}

func newNonce() [nonceBytes]byte {
	var n [nonceBytes]byte
	_, _ = rand.Read(n[:]) // never fails; see crypto/rand
	return n
}

func nonceText(n [nonceBytes]byte) string { return base64.RawURLEncoding.EncodeToString(n[:]) }

// nonceDigest is what a memory keeps of a nonce.
func nonceDigest(n [nonceBytes]byte) uint64 { return binary.BigEndian.Uint64(n[:]) }

// nonceOf returns the beginning of the nonce with that digest, as text.
func nonceOf(digest uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, digest))[:tagNonce]
}

// packs are buffers of encode.
var packs sync.Pool

// encode returns the envelope of d around items:
//
//	{"v":2,"crc":"...","rev":17,"nonce":"...","items":...,"ops":"...","removed":[...]}
//
// The nonce stands early so that two bodies never share a digest, not even
// one of a prefix.
func (d *document[T]) encode(items []byte) []byte {
	scratch, _ := packs.Get().(*[]byte)
	if scratch == nil {
		scratch = new([]byte)
	}
	ops := d.mem.pack((*scratch)[:0])
	size := 128 + len(items) + base64.RawStdEncoding.EncodedLen(len(ops))
	for _, r := range d.removedRaw {
		size += len(r) + 1
	}
	b := make([]byte, 0, size)
	b = append(b, preamble+`00000000","rev":`...)
	b = strconv.AppendUint(b, d.snap.Revision, 10)
	b = append(b, `,"nonce":"`...)
	b = append(b, d.snap.Nonce...)
	b = append(b, `","items":`...)
	b = append(b, items...)
	b = append(b, `,"ops":"`...)
	b = base64.RawStdEncoding.AppendEncode(b, ops)
	*scratch = ops
	packs.Put(scratch)
	b = append(b, `","removed":[`...)
	for i, r := range d.removedRaw {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r...)
	}
	b = append(b, "]}"...)
	sum := binary.BigEndian.AppendUint32(nil, checksum(b))
	hex.Encode(b[len(preamble):], sum)
	return b
}

// checksum returns that of an envelope that begins with the preamble.
func checksum(body []byte) uint32 {
	return crc32.Checksum(body[len(preamble)+crcDigits+1:], castagnoli)
}

// checkSum compares the envelope's checksum with its bytes.
func checkSum(body []byte) error {
	const end = len(preamble) + crcDigits
	if len(body) <= end || string(body[:len(preamble)]) != preamble || body[end] != '"' {
		return fmt.Errorf("expected a document that begins with %s and %d digits", preamble, crcDigits)
	}
	text := body[len(preamble):end]
	if want := fmt.Sprintf("%08x", checksum(body)); string(text) != want {
		return fmt.Errorf("expected %q, the checksum of the document's bytes, got %s: they were changed after they had been written", want, short(text))
	}
	return nil
}

// decode is the inverse of encode, and takes what the codec calls legacy.
func decode[T any](body []byte, version storage.Version, codec Codec[T]) (*document[T], error) {
	if err := checkJSON(body); err != nil {
		return nil, err
	}
	d := &document[T]{version: version, size: len(body)}
	d.snap.Exists = true
	members := make(map[string][]byte, 7)
	var unknown string
	collect := func(name string, value []byte) error {
		switch name {
		case "v", "crc", "rev", "nonce", "items", "ops", "removed":
			members[name] = value
		default:
			unknown = name
		}
		return nil
	}
	var err error
	if isObject(body) {
		if err = eachMember(body, collect); err != nil {
			return nil, err
		}
	}
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
	case unknown != "":
		return nil, at(unknown, errUnknownMember)
	case v == 1 && members["crc"] != nil:
		return nil, at("crc", errors.New("not a member of format 1"))
	}
	for _, name := range []string{"rev", "nonce", "items", "ops", "removed"} {
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
	if d.mem, err = parseMemory(ops[1:len(ops)-1], d.snap.Revision); err != nil {
		return nil, at("ops", err)
	}
	err = eachElement(removed, func(value []byte) error {
		value = bytes.Clone(value) // not to keep the whole body
		r, err := parseRemoval(value)
		if err != nil {
			return err
		}
		d.snap.Removed = append(d.snap.Removed, r)
		d.removedRaw = append(d.removedRaw, value)
		return nil
	})
	if err != nil {
		return nil, at("removed", err)
	}
	if v > 1 { // last, because the errors above name a place
		if err := checkSum(body); err != nil {
			return nil, at("crc", err)
		}
	}
	return d, nil
}

func isObject(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && body[0] == '{'
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

func parseRemoval(raw []byte) (Removal, error) {
	var r Removal
	seen := 0
	err := eachMember(raw, func(name string, value []byte) error {
		var err error
		switch name {
		case "rev":
			r.Revision, err = parseRevision(value)
		case "at":
			var text string
			if text, err = unquote(value); err == nil {
				r.At, err = time.Parse(time.RFC3339, text)
			}
		case "kind":
			r.Kind, err = unquote(value)
		case "items":
			r.Items = value
		default:
			err = errUnknownMember
		}
		seen++
		return err
	})
	if err == nil && seen != 4 {
		err = errors.New("expected rev, at, kind and items")
	}
	return r, err
}

// expireRemoved drops the removals before limit.
func (d *document[T]) expireRemoved(limit time.Time) {
	for len(d.snap.Removed) > 0 && d.snap.Removed[0].At.Before(limit) {
		d.snap.Removed, d.removedRaw = d.snap.Removed[1:], d.removedRaw[1:]
	}
}

// limitRemoved drops the oldest removals beyond the limits; the newest stays.
func (d *document[T]) limitRemoved(count, size int) {
	from := len(d.removedRaw)
	for total := 0; from > 0; from-- {
		total += len(d.removedRaw[from-1])
		newest := from == len(d.removedRaw)
		if !newest && (total > size || len(d.removedRaw)-from >= count) {
			break
		}
	}
	d.removedRaw = d.removedRaw[from:]
	d.snap.Removed = d.snap.Removed[from:]
}
