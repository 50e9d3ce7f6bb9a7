package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"
)

var listCodec = Options[[]string]{Codec: Codec[[]string]{Legacy: func(body []byte) ([]string, bool, error) {
	if body[0] != '[' {
		return nil, false, nil
	}
	doc, err := decodeStrict[[]string](body)
	return doc, true, err
}, Removed: func(doc []string, journal []byte) ([]string, error) {
	var entries []struct{ Items []string }
	err := json.Unmarshal(journal, &entries)
	for _, e := range entries {
		doc = append(doc, e.Items...)
	}
	return doc, err
}}}.withDefaults().Codec

const goodNonce = "AAECAwQFBgcICQoLDA0ODw"

func encoded(t testing.TB, d *document[[]string]) []byte {
	t.Helper()
	body, err := d.encode(&listCodec, 0)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestEnvelopeMessages(t *testing.T) {
	sealed := string(encoded(t, &document[[]string]{snap: Snapshot[[]string]{Doc: []string{"a"}, Revision: 3, Nonce: goodNonce}}))
	if _, err := decode([]byte(sealed), "x", listCodec); err != nil {
		t.Fatalf("a good one of format 3: %v", err)
	}
	good := `{"v":1,"rev":3,"nonce":"` + goodNonce + `","items":["a"],"ops":"AAAA","removed":[{"rev":2,"at":"2026-01-02T03:04:05Z","kind":"clear","items":["b"]}]}`
	if d, err := decode([]byte(good), "x", listCodec); err != nil || d.snap.Revision != 3 || !slices.Equal(d.snap.Doc, []string{"a", "b"}) {
		t.Fatalf("a good one: %+v, %v", d, err)
	}
	for _, c := range []struct{ name, body, want string }{
		{"empty", ``, "not JSON"},
		{"cut short", good[:len(good)-3], "not JSON at byte 151"},
		{"trailing data", good + `{}`, "not JSON at byte"},
		{"not UTF-8", strings.Replace(good, `"a"`, "\"\xff\"", 1), "not JSON at byte 58: invalid UTF-8"},
		{"number", `17`, `expected an envelope, an object with /v, got "17"`},
		{"object of something else", `{"a":1}`, "expected an envelope"},
		{"legacy of another type", `[1]`, "in the format before revisions: json: cannot unmarshal number"},
		{"newer", `{"items":1,"v":4,"more":true}`, "/v: the document is of format 4, this library knows formats up to 3"},
		{"no checksum in format 2", strings.Replace(good, `"v":1`, `"v":2`, 1), `/crc: expected a document that begins with {"v":2,"crc":"`},
		{"no checksum", strings.Replace(strings.Split(good, `,"removed"`)[0]+"}", `"v":1`, `"v":3`, 1), `/crc: expected a document that begins with {"v":3,"crc":"`},
		{"journal in format 3", strings.Replace(good, `"v":1`, `"v":3`, 1), "/removed: not a member of format 3"},
		{"checksum in format 1", strings.Replace(good, `"v":1`, `"v":1,"crc":"00000000"`, 1), "/crc: not a member of format 1"},
		{"checksum of other bytes", strings.Replace(sealed, `["a"]`, `["b"]`, 1), "/crc: expected \""},
		{"checksum in capitals", strings.Replace(sealed, sealed[14:22], strings.ToUpper(sealed[14:22]), 1), "/crc: expected \""},
		{"checksum behind other members", `{"rev":3,"v":3,` + strings.Replace(sealed[7:], `"rev":3,`, ``, 1), "/crc: expected a document that begins"},
		{"version no number", strings.Replace(good, `"v":1`, `"v":"1"`, 1), `/v: expected a positive number, got "\"1\""`},
		{"version 0", strings.Replace(good, `"v":1`, `"v":0`, 1), "/v: expected a positive number"},
		{"no revision", strings.Replace(good, `"rev":3,`, ``, 1), "/rev: missing"},
		{"negative revision", strings.Replace(good, `"rev":3`, `"rev":-3`, 1), `/rev: expected a whole number from 1 to 9007199254740991, got "-3"`},
		{"broken revision", strings.Replace(good, `"rev":3`, `"rev":3.5`, 1), "/rev: expected a whole number"},
		{"revision 2^53", strings.Replace(good, `"rev":3`, `"rev":9007199254740992`, 1), "/rev: expected a whole number"},
		{"key twice", strings.Replace(good, `"rev":3`, `"rev":3,"rev":4`, 1), "/rev: duplicate key"},
		{"key twice, spelt otherwise", strings.Replace(good, `"rev":3`, `"rev":3,"\u0072ev":4`, 1), "/rev: duplicate key"},
		{"unknown member", strings.Replace(good, `"rev":3`, `"rev":3,"more":4`, 1), "/more: unknown member"},
		{"nonce too short", strings.Replace(good, goodNonce, "AAEC", 1), "/nonce: expected 16 bytes in base64url"},
		{"nonce no string", strings.Replace(good, `"`+goodNonce+`"`, "5", 1), "/nonce: expected a string"},
		{"items of another type", strings.Replace(good, `["a"]`, `{"a":1}`, 1), "/items: json: cannot unmarshal object"},
		{"ops no string", strings.Replace(good, `"AAAA"`, `[]`, 1), "/ops: expected a string"},
		{"ops not base64", strings.Replace(good, `"AAAA"`, `"A*AA"`, 1), "/ops: not base64"},
		{"ops cut short", strings.Replace(good, `"AAAA"`, `"AAA"`, 1), "/ops: it ends too early"},
		{"ops of the future", strings.Replace(good, `"AAAA"`, `"BwAA"`, 1), "/ops: "},
		{"removed no array", `{"v":1,"rev":3,"nonce":"` + goodNonce + `","items":[],"ops":"AAAA","removed":{}}`, "/removed: json: cannot unmarshal object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := decode([]byte(c.body), "x", listCodec)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a message with %q", err, c.want)
			}
		})
	}
}

func TestDefaultCodecIsStrict(t *testing.T) {
	type item struct{ Name string }
	for body, want := range map[string]string{
		`[{"Name":"x"},{"Name":"a","Name":"b"}]`: "/1/Name: duplicate key",
		`[{"Name":"a","Size":1}]`:                `unknown field "Size"`,
		`{"Name":"a"}`:                           "cannot unmarshal object",
	} {
		if _, err := decodeStrict[[]item]([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

func TestLegacyIsRevisionZero(t *testing.T) {
	d, err := decode([]byte(`["a", "b"]`), "x", listCodec)
	if err != nil || d.snap.Revision != 0 || !d.snap.Exists || !slices.Equal(d.snap.Doc, []string{"a", "b"}) {
		t.Fatalf("got %+v, %v", d, err)
	}
	other, err := decode([]byte(`["a", "c"]`), "y", listCodec)
	if err != nil || len(d.snap.Nonce) != 32 || other.snap.Nonce == d.snap.Nonce {
		t.Errorf("nonces: got %q and %q, %v", d.snap.Nonce, other.snap.Nonce, err)
	}
}

// Formats 1 and 2 have a journal, which is the codec's.
func TestJournalOfEarlierFormats(t *testing.T) {
	const journal = `[{"rev":2,"at":"2026-01-02T03:04:05Z","kind":"clear","items":["b"]}]`
	body := func(v, removed string) []byte {
		members := `","rev":3,"nonce":"` + goodNonce + `","items":["a"],"ops":"AAAA"` + removed + `}`
		if v == "1" {
			return []byte(`{"v":1,` + members[2:])
		}
		return fmt.Appendf(nil, `{"v":2,"crc":"%08x%s`, crc32.Checksum([]byte(members)[1:], castagnoli), members)
	}
	none := Options[[]string]{}.withDefaults().Codec
	for _, v := range []string{"1", "2"} {
		for removed, want := range map[string][]string{
			"":                      {"a"}, // mended by hand
			`,"removed":[]`:         {"a"},
			`,"removed":` + journal: {"a", "b"},
		} {
			if d, err := decode(body(v, removed), "x", listCodec); err != nil || !slices.Equal(d.snap.Doc, want) {
				t.Errorf("format %s with %s: got %+v, %v, want %q", v, removed, d, err, want)
			}
		}
		if _, err := decode(body(v, `,"removed":[]`), "x", none); err != nil {
			t.Errorf("format %s, an empty journal: got %v, want nil", v, err)
		}
		if _, err := decode(body(v, `,"removed":`+journal), "x", none); err == nil || err.Error() != "/removed: expected no journal: this program has no Codec.Removed" {
			t.Errorf("format %s, a journal that nothing reads: got %v", v, err)
		}
	}
}

// No change of a single bit of a stored document goes unnoticed.
func TestEveryFlippedBitIsDamage(t *testing.T) {
	d := document[[]string]{snap: Snapshot[[]string]{Doc: []string{"a", "b"}, Revision: 3, Nonce: goodNonce}}
	d.dedup = d.dedup.with(run{rev: 3, at: 5, nonce: 6, n: 1}, []opRef{{1, 2}}, [][]byte{[]byte("r")}, limits{atMost: 9, resultBytes: 99, resultLargest: 9})
	body := encoded(t, &d)
	if _, err := decode(body, "x", listCodec); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(body) {
		body[bit/8] ^= 1 << (bit % 8)
		if _, err := decode(body, "x", listCodec); err == nil {
			t.Errorf("bit %d of byte %d flipped: %s is served", bit%8, bit/8, body)
		}
		body[bit/8] ^= 1 << (bit % 8)
	}
}

func FuzzEnvelope(f *testing.F) {
	d := document[[]string]{snap: Snapshot[[]string]{Doc: []string{"a"}, Revision: 3, Nonce: goodNonce}}
	d.dedup = d.dedup.with(run{rev: 2, at: 5, nonce: 6, n: 1}, []opRef{{1, 2}}, [][]byte{[]byte("r")}, limits{atMost: 9, resultBytes: 99, resultLargest: 9})
	f.Add(encoded(f, &d))
	f.Add([]byte(`{"v":1,"rev":3,"nonce":"` + goodNonce + `","items":["a"],"ops":"AAAA","removed":[{"rev":2,"at":"2026-01-02T03:04:05Z","kind":"clear","items":["b"]}]}`))
	f.Add([]byte(`["a"]`))
	f.Add([]byte(`{"v":4}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := decode(body, "x", listCodec)
		if err != nil || d.snap.Revision == 0 {
			return
		}
		// What is understood is written back the same.
		again, err := decode(encoded(t, d), "x", listCodec)
		if err != nil {
			t.Fatalf("%v in what became of %q", err, body)
		}
		if again.snap.Tag() != d.snap.Tag() || !slices.Equal(again.snap.Doc, d.snap.Doc) || !bytes.Equal(again.dedup.pack(nil), d.dedup.pack(nil)) {
			t.Errorf("got %+v, want %+v", again, d)
		}
	})
}

func TestMemoryKeepsWhatItPromises(t *testing.T) {
	lim := limits{keep: time.Minute, atLeast: 20, atMost: 100, resultBytes: 200, resultLargest: 50}
	var m dedup
	var all []opRef // in commit order
	var at int64 = 1000
	for rev := uint64(1); rev <= 200; rev++ {
		n := int(rev%7) + 1
		at += int64(rev % 5)
		if rev == 150 {
			at += 1000 // long quiet
		}
		var refs []opRef
		var results [][]byte
		for range n {
			ref := refOf(fmt.Sprint("id", len(all)+len(refs)), nil)
			refs = append(refs, ref)
			results = append(results, fmt.Append(nil, "result", ref.id%1000))
		}
		all = append(all, refs...)
		m = m.with(run{rev: rev, at: at, nonce: rev * 17, n: n}, refs, results, lim)
		parsed, err := parseDedup([]byte(base64.RawStdEncoding.EncodeToString(m.pack(nil))), rev)
		if err != nil {
			t.Fatalf("revision %d: %v", rev, err)
		}
		if got, want := parsed.pack(nil), m.pack(nil); !bytes.Equal(got, want) {
			t.Fatalf("revision %d: got %x, want %x", rev, got, want)
		}
		m = parsed
		if m.ops() >= lim.atMost+m.runs[0].n || m.ops() < min(len(all), lim.atLeast) {
			t.Fatalf("revision %d: %d operations are remembered", rev, m.ops())
		}
		if len(m.results) > lim.resultBytes || m.kept == 0 {
			t.Fatalf("revision %d: %d bytes of %d results are remembered", rev, len(m.results), m.kept)
		}
		for i, ref := range all {
			found, ok := m.find(ref.id)
			if want := i >= len(all)-m.ops(); ok != want {
				t.Fatalf("revision %d, operation %d of %d: found %t, want %t", rev, i, len(all), ok, want)
			}
			if ok && found.kept && string(found.result) != fmt.Sprint("result", ref.id%1000) {
				t.Fatalf("operation %d: result %q", i, found.result)
			}
		}
		last, _ := m.find(all[len(all)-1].id)
		if last.rev != rev || last.index != n-1 || !last.kept {
			t.Fatalf("last of revision %d: got %+v", rev, last)
		}
		for r := uint64(1); r <= rev; r++ {
			landed, known := m.commit(r, r*17)
			if landed != (r > m.floor) || known != (r > m.floor) {
				t.Fatalf("at revision %d, commit %d: landed %t, known %t, floor %d", rev, r, landed, known, m.floor)
			}
			if landed, _ := m.commit(r, 1); landed {
				t.Fatalf("a commit of revision %d that never was has landed", r)
			}
		}
		if m.runs[0].at < at-60 && m.ops()-m.runs[0].n >= lim.atLeast {
			t.Fatalf("revision %d: kept a commit %d s old without need", rev, at-m.runs[0].at)
		}
	}
}

// A commit that the document no longer remembers is unknown.
func TestForgottenCommitIsUnknown(t *testing.T) {
	l := New[int](nil, Options[int]{})
	defer func() { _ = l.Close(t.Context()) }()
	e := &entry[int]{l: l, key: "k", pending: 1}
	l.waiting.Add(1)
	q := newCall(t.Context(), Op[int]{ID: "a"})
	q.attempted = true
	base := &document[int]{}
	a := &attempt[int]{base: base, doc: &document[int]{snap: Snapshot[int]{Revision: 1}}, nonce: 7, outcomes: []outcome[int]{{call: q}}, effects: 1}
	c := &committer[int]{e: e, batch: []*call[int]{q}, pending: a}
	c.settle(&document[int]{version: "later", snap: Snapshot[int]{Revision: 9}, dedup: dedup{floor: 5}})
	<-q.done
	if want := "outcome unknown: store unavailable: the document has forgotten revision 1"; q.err == nil || q.err.Error() != want {
		t.Errorf("got %v, want %s", q.err, want)
	}
}
