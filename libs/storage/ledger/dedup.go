package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// opRef is how a document remembers an operation: digests of its ID and its
// payload. With 4,096 remembered operations, the probability that a new ID has the
// digest of an old one is 2^-52.
type opRef struct {
	id      uint64
	payload uint32
}

const refBytes = 12

func refOf(id string, payload []byte) opRef {
	d := sha256.Sum256([]byte(id))
	p := sha256.Sum256(payload)
	return opRef{id: binary.BigEndian.Uint64(d[:]), payload: binary.BigEndian.Uint32(p[:])}
}

// newRef returns the reference of an operation without an ID.
func newRef() opRef {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails; see crypto/rand
	return opRef{id: binary.BigEndian.Uint64(id[:])}
}

// dedup is a document's record of its latest commits. It is immutable.
// Operations are forgotten a whole commit at a time, so that a commit is
// either known with all its operations or not at all.
type dedup struct {
	floor uint64 // the highest revision of which a commit was forgotten
	runs  []run  // one a commit, oldest first
	refs  []byte // refBytes an operation, in commit order
	// results are the results of the last kept operations, oldest first: for
	// each its length plus one as a uvarint, or 0 if it is not kept, and its bytes.
	results []byte
	kept    int
}

type run struct {
	rev   uint64
	at    int64 // Unix seconds, by the clock of the writer
	nonce uint64
	n     int
}

// limits of a dedup: how long it remembers.
type limits struct {
	keep          time.Duration
	atLeast       int
	atMost        int
	resultBytes   int // with two or three bytes a result
	resultLargest int
}

// remembered is the entry of one operation in a dedup.
type remembered struct {
	rev     uint64
	nonce   uint64
	index   int
	payload uint32
	result  []byte
	kept    bool // result is the operation's result
}

func (m *dedup) ops() int { return len(m.refs) / refBytes }

// find searches for an operation, newest first. Searching 4,096 operations takes
// about as long as hashing one ID.
func (m *dedup) find(id uint64) (remembered, bool) {
	for i := len(m.refs) - refBytes; i >= 0; i -= refBytes {
		if binary.BigEndian.Uint64(m.refs[i:]) == id {
			return m.at(i / refBytes), true
		}
	}
	return remembered{}, false
}

func (m *dedup) at(i int) remembered {
	r := remembered{payload: binary.BigEndian.Uint32(m.refs[i*refBytes+8:])}
	if j := i - (m.ops() - m.kept); j >= 0 {
		rest := m.results
		for range j {
			_, rest, _ = cutResult(rest)
		}
		r.result, _, r.kept = cutResult(rest)
	}
	for _, run := range m.runs {
		if i < run.n {
			r.rev, r.nonce, r.index = run.rev, run.nonce, i
			break
		}
		i -= run.n
	}
	return r
}

// commit searches for the commit of a revision by its nonce. known is false if the
// record does not reach back to that revision.
func (m *dedup) commit(rev, nonce uint64) (landed, known bool) {
	for _, r := range slices.Backward(m.runs) {
		if r.rev == rev && r.nonce == nonce {
			return true, true
		}
	}
	return false, rev > m.floor
}

// cutResult splits off the first result; kept is false if it was not kept.
func cutResult(b []byte) (result, rest []byte, kept bool) {
	size, n := binary.Uvarint(b)
	if size == 0 {
		return nil, b[n:], false
	}
	end := n + int(size) - 1 //nolint:gosec // parseDedup has checked it
	return b[n:end:end], b[end:], true
}

// last returns the index of the last operation of revision rev, or -1.
func (m *dedup) last(rev uint64) int {
	if n := len(m.runs); n > 0 && m.runs[n-1].rev == rev {
		return m.runs[n-1].n - 1
	}
	return -1
}

// ahead returns how far the last commit's clock is ahead of now.
func (m *dedup) ahead(now time.Time) time.Duration {
	if len(m.runs) == 0 {
		return 0
	}
	return time.Duration(m.runs[len(m.runs)-1].at-now.Unix()) * time.Second
}

// with returns m and one more commit. It forgets commits all of whose
// operations lim allows to be forgotten.
func (m *dedup) with(r run, refs []opRef, results [][]byte, lim limits) dedup {
	total := m.ops() + len(refs)
	drop, dropped := 0, 0
	floor := m.floor
	for drop < len(m.runs) {
		old := m.runs[drop]
		rest := total - dropped - old.n
		expired := r.at-old.at > int64(lim.keep/time.Second)
		// Its last operation is followed by rest others.
		if rest < lim.atLeast || rest < lim.atMost && !expired {
			break
		}
		floor = max(floor, old.rev)
		dropped += old.n
		drop++
	}
	next := dedup{
		floor: floor,
		runs:  make([]run, 0, len(m.runs)-drop+1),
		refs:  make([]byte, 0, (total-dropped)*refBytes),
	}
	next.runs = append(append(next.runs, m.runs[drop:]...), r)
	next.refs = append(next.refs, m.refs[dropped*refBytes:]...)
	for _, ref := range refs {
		next.refs = binary.BigEndian.AppendUint64(next.refs, ref.id)
		next.refs = binary.BigEndian.AppendUint32(next.refs, ref.payload)
	}
	next.results = make([]byte, 0, min(len(m.results), lim.resultBytes)+64*len(results))
	next.results = append(next.results, m.results...)
	for _, r := range results {
		if len(r) > lim.resultLargest {
			next.results = append(next.results, 0)
			continue
		}
		next.results = appendCount(next.results, len(r)+1)
		next.results = append(next.results, r...)
	}
	next.kept = m.kept + len(results)
	for next.kept > next.ops() || len(next.results) > lim.resultBytes {
		_, next.results, _ = cutResult(next.results)
		next.kept--
	}
	return next
}

func appendCount(b []byte, n int) []byte {
	return binary.AppendUvarint(b, uint64(n)) //nolint:gosec // a count is not negative
}

// pack appends the record in binary: floor, the runs, the references, the
// results; numbers as uvarints, times and revisions as differences.
func (m *dedup) pack(b []byte) []byte {
	b = binary.AppendUvarint(b, m.floor)
	b = appendCount(b, len(m.runs))
	rev, at := m.floor, int64(0)
	for _, r := range m.runs {
		b = binary.AppendUvarint(b, r.rev-rev)
		b = binary.AppendVarint(b, r.at-at)
		b = binary.BigEndian.AppendUint64(b, r.nonce)
		b = appendCount(b, r.n)
		rev, at = r.rev, r.at
	}
	b = append(b, m.refs...)
	b = appendCount(b, m.kept)
	return append(b, m.results...)
}

var errTruncated = errors.New("it ends too early")

// parseDedup reads the base64 of what pack wrote, of a document at revision
// current.
func parseDedup(text []byte, current uint64) (dedup, error) {
	var m dedup
	if bytes.ContainsAny(text, "\r\n") {
		return m, errors.New("not base64: it has a line break")
	}
	b, err := base64.RawStdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return m, fmt.Errorf("not base64: %w", err)
	}
	bad := false
	uvarint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad, b = true, nil
			return 0
		}
		b = b[n:]
		return v
	}
	m.floor = uvarint()
	count := uvarint()
	if count > uint64(len(b))/11 {
		return m, errTruncated
	}
	m.runs = make([]run, 0, count)
	rev, at, total := m.floor, int64(0), uint64(0)
	for range count {
		step := uvarint()
		seconds, n := binary.Varint(b)
		if n <= 0 || len(b) < n+8 {
			return m, errTruncated
		}
		nonce := binary.BigEndian.Uint64(b[n:])
		b = b[n+8:]
		ops := uvarint()
		if bad || ops > uint64(len(b)) {
			return m, errTruncated
		}
		if step == 0 || step > maxRevision || ops == 0 {
			return m, fmt.Errorf("a commit after revision %d has %d operations, %d revisions later", rev, ops, step)
		}
		rev, at, total = rev+step, at+seconds, total+ops
		if rev > current {
			return m, fmt.Errorf("it knows revision %d, the document is at %d", rev, current)
		}
		m.runs = append(m.runs, run{rev: rev, at: at, nonce: nonce, n: int(ops)}) //nolint:gosec // at most len(b)
	}
	if bad || m.floor > current || total*refBytes > uint64(len(b)) {
		return m, errTruncated
	}
	m.refs, b = b[:total*refBytes:total*refBytes], b[total*refBytes:]
	count = uvarint()
	if bad || count > total || count > uint64(len(b)) {
		return m, errTruncated
	}
	m.kept, m.results = int(count), b //nolint:gosec // at most total
	for range count {
		n := uvarint()
		if bad || n > uint64(len(b))+1 {
			return m, errTruncated
		}
		b = b[max(n, 1)-1:]
	}
	if len(b) > 0 {
		return m, fmt.Errorf("%d bytes follow it", len(b))
	}
	return m, nil
}
