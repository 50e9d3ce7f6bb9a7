package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

func missingDocument(tb testing.TB, h Harness) {
	s := h.Open(tb)
	wantMissing(tb, s, "missing")
	mustCreate(tb, s, "present", "body")
	wantMissing(tb, s, "missing")
}

func createThenGet(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "body")
	if version == "" {
		tb.Error("Create: got the empty version")
	}
	wantDocument(tb, s, "key", "body", version)
	wantDocument(tb, s, "key", "body", version)
}

func createOverExisting(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "first")
	_, err := s.Create(tb.Context(), "key", []byte("second"))
	wantError(tb, "Create over a document", err, storage.ErrConflict)
	_, err = s.Create(tb.Context(), "key", []byte("first"))
	wantError(tb, "Create over a document of the same body", err, storage.ErrConflict)
	wantDocument(tb, s, "key", "first", version)
}

func replaceCurrent(tb testing.TB, h Harness) {
	s := h.Open(tb)
	other := mustCreate(tb, s, "other", "other")
	version := mustCreate(tb, s, "key", "0")
	for i := 1; i <= 3; i++ {
		version = mustReplace(tb, s, "key", strconv.Itoa(i), version)
		wantDocument(tb, s, "key", strconv.Itoa(i), version)
	}
	// The same bytes again are a write like any other.
	version = mustReplace(tb, s, "key", "3", version)
	wantDocument(tb, s, "key", "3", version)
	wantDocument(tb, s, "other", "other", other)
}

func replaceStale(tb testing.TB, h Harness) {
	s := h.Open(tb)
	stale := mustCreate(tb, s, "key", "first")
	current := mustReplace(tb, s, "key", "second", stale)
	_, err := s.Replace(tb.Context(), "key", []byte("third"), stale)
	wantError(tb, "Replace at a stale version", err, storage.ErrConflict)
	wantDocument(tb, s, "key", "second", current)
}

func replaceMissing(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "other", "other")
	_, err := s.Replace(tb.Context(), "missing", []byte("body"), version)
	wantError(tb, "Replace of a missing document", err, storage.ErrConflict)
	wantMissing(tb, s, "missing")
}

// replaceAtNoVersion is about versions that no document ever had: a driver
// that sends them on as they are may end with an unconditional write.
func replaceAtNoVersion(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "body")
	for _, forged := range []storage.Version{"", "*", "none", `"`, `"*"`, "W/" + version, version + version, "0", "-1", "line\r\nbreak", "\x00"} {
		if _, err := s.Replace(tb.Context(), "key", []byte("forged"), forged); !errors.Is(err, storage.ErrConflict) {
			tb.Errorf("Replace at version %q: got %v, want %v", forged, err, storage.ErrConflict)
		}
		if _, err := s.Replace(tb.Context(), "missing", []byte("forged"), forged); !errors.Is(err, storage.ErrConflict) {
			tb.Errorf("Replace of a missing document at version %q: got %v, want %v", forged, err, storage.ErrConflict)
		}
		if h.NoDelete != "" {
			continue
		}
		if err := s.Delete(tb.Context(), "key", forged); !errors.Is(err, storage.ErrConflict) {
			tb.Errorf("Delete at version %q: got %v, want %v", forged, err, storage.ErrConflict)
		}
	}
	wantDocument(tb, s, "key", "body", version)
	wantMissing(tb, s, "missing")
}

func versionsTellBodiesApart(tb testing.TB, h Harness) {
	s := h.Open(tb)
	seen := make(bodies)
	version := mustCreate(tb, s, "key", "")
	seen.add(tb, version, "")
	for _, body := range []string{"a", "b", "aa", "a\n", "A", strings.Repeat("a", 1000), strings.Repeat("a", 999) + "b"} {
		version = mustReplace(tb, s, "key", body, version)
		seen.add(tb, version, body)
	}
}

// versionsAfterDelete checks that a recreated document has a new version. A slower
// writer may still have a version of the deleted one.
func versionsAfterDelete(tb testing.TB, h Harness) {
	if h.NoDelete != "" {
		return
	}
	s := h.Open(tb)
	mustCreate(tb, s, "other", "other")
	seen := make(bodies)
	version := mustCreate(tb, s, "key", "0")
	stale := []storage.Version{version}
	for n := range 3 {
		seen.add(tb, version, strconv.Itoa(n))
		if err := s.Delete(tb.Context(), "key", version); err != nil {
			tb.Fatalf("Delete: got %v, want nil", err)
		}
		body := strconv.Itoa(n + 1)
		version = mustCreate(tb, s, "key", body)
		seen.add(tb, version, body)
		for _, old := range stale {
			_, err := s.Replace(tb.Context(), "key", []byte("stale"), old)
			wantError(tb, "Replace at the version of a deleted document", err, storage.ErrConflict)
			wantError(tb, "Delete at the version of a deleted document", s.Delete(tb.Context(), "key", old), storage.ErrConflict)
		}
		wantDocument(tb, s, "key", body, version)
		stale = append(stale, version)
	}
}

func deleteCurrent(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "body")
	other := mustCreate(tb, s, "other", "other")
	if h.NoDelete != "" {
		wantError(tb, "Delete on a server that cannot", s.Delete(tb.Context(), "key", version), storage.ErrRefused)
		wantDocument(tb, s, "key", "body", version)
		return
	}
	if err := s.Delete(tb.Context(), "key", version); err != nil {
		tb.Fatalf("Delete: got %v, want nil", err)
	}
	wantMissing(tb, s, "key")
	_, err := s.Replace(tb.Context(), "key", []byte("back"), version)
	wantError(tb, "Replace of a deleted document", err, storage.ErrConflict)
	wantError(tb, "Delete of a deleted document", s.Delete(tb.Context(), "key", version), storage.ErrConflict)
	wantDocument(tb, s, "other", "other", other)
	wantDocument(tb, s, "key", "again", mustCreate(tb, s, "key", "again"))
}

func deleteStale(tb testing.TB, h Harness) {
	if h.NoDelete != "" {
		tb.Logf("storagetest: not tested on %s: %s", h.Name, h.NoDelete)
		return
	}
	s := h.Open(tb)
	stale := mustCreate(tb, s, "key", "first")
	current := mustReplace(tb, s, "key", "second", stale)
	wantError(tb, "Delete at a stale version", s.Delete(tb.Context(), "key", stale), storage.ErrConflict)
	wantDocument(tb, s, "key", "second", current)
	wantError(tb, "Delete of a missing document", s.Delete(tb.Context(), "missing", current), storage.ErrConflict)
}

func invalidKeys(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "body")
	for _, key := range []string{"", strings.Repeat("k", storage.MaxKeyBytes+1), "\xff", "a\xc3", "\xed\xa0\x80", "a\x00b", "\n", "a\x7f", "a\u0085"} {
		for op, err := range everyOperation(tb.Context(), s, key, version) {
			if !errors.Is(err, storage.ErrInvalidKey) {
				tb.Errorf("%s of key %.20q: got %v, want %v", op, key, err, storage.ErrInvalidKey)
			}
		}
	}
}

// HostileKeys are valid keys that a careless driver would lose, mix up, or
// write somewhere else: paths, names that file systems treat specially,
// escapes, twins by case or by Unicode normalisation, and long ones.
func HostileKeys() []string {
	keys := []string{
		"casa", "Casa", "CASA", "é", "e\u0301", "ﬁ", "fi", "ß", "ss", "İ", "i", "ı", "K", "k", "\u212a",
		".", "..", "...", "../x", "/x", "x", "x/", "//x", "a/b", "a//b", "a/./b", "a/../b", `a\b`, "a%2fb", "a%2Fb", "a~2fb", "~", "~~", "~7e", "%", "%%", "%25", "%00", "+", " ", "  ", " x", "x ", "a b", "a+b", "a%20b",
		"con", "CON", "con.json", "aux.txt", "nul", "COM1", "lpt1", ".lock", ".tmp-1", ".tmp-1.json", ".json", "x.json", "x.json.json", "x.", "lost+found", "desktop.ini", "-rf", "--", "*", "?", "a?b=c", "a#b", "a&b", "a:b", "C:\\x", "file:///x", "s3://x", "<>", "|", `"`, "'", "`", "$HOME", "${x}", "$(x)", "{}", "[]", "\\", ";", "=", "@", "^", "null", "undefined", "0", "-1", "NaN",
		"São João 2020", "日本語", "🧑‍🚀", "\u202etxt", "\u200b", "a\u200bb", "\ufeff", "\ufffd", "\ufffe", "\U0010ffff", "\u00a0",
		strings.Repeat("a", storage.MaxKeyBytes), strings.Repeat("a", storage.MaxKeyBytes-1), strings.Repeat("A", storage.MaxKeyBytes), strings.Repeat("a", storage.MaxKeyBytes-1) + "b",
		strings.Repeat("🚀", storage.MaxKeyBytes/4), strings.Repeat("🚀", storage.MaxKeyBytes/4-1) + "🛸",
		strings.Repeat("/", storage.MaxKeyBytes), strings.Repeat("../", storage.MaxKeyBytes/3), strings.Repeat("a/", storage.MaxKeyBytes/2),
	}
	for _, n := range []int{66, 67, 99, 100, 101, 195, 196, 199, 200, 201, 250, 251, 254, 255, 256} {
		keys = append(keys, strings.Repeat("n", n), strings.Repeat("N", n))
	}
	return keys
}

func hostileKeysKeptApart(tb testing.TB, h Harness) {
	s := h.Open(tb)
	keys := HostileKeys()
	body := func(key string) string { return "first " + key }
	versions := make(map[string]storage.Version)
	for _, key := range keys {
		wantMissing(tb, s, key)
		versions[key] = mustCreate(tb, s, key, body(key))
	}
	for i, key := range keys {
		wantDocument(tb, s, key, body(key), versions[key])
		if i%2 == 0 {
			versions[key] = mustReplace(tb, s, key, "second "+key, versions[key])
		}
	}
	for i, key := range keys {
		want := body(key)
		if i%2 == 0 {
			want = "second " + key
		}
		wantDocument(tb, s, key, want, versions[key])
	}
	if lister, ok := s.(storage.Lister); ok {
		wantKeys(tb, lister, keys)
	}
	if h.NoDelete != "" {
		return
	}
	for i, key := range keys {
		if i%2 == 0 {
			if err := s.Delete(tb.Context(), key, versions[key]); err != nil {
				tb.Errorf("Delete of key %.40q: got %v, want nil", key, err)
			}
		}
	}
	for i, key := range keys {
		if i%2 == 0 {
			wantMissing(tb, s, key)
		} else {
			wantDocument(tb, s, key, body(key), versions[key])
		}
	}
}

func bytesExact(tb testing.TB, h Harness) {
	s := h.Open(tb)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	mebibyte := make([]byte, 0, 1<<20)
	for block := sha256.Sum256([]byte("seed")); len(mebibyte) < 1<<20; block = sha256.Sum256(block[:]) {
		mebibyte = append(mebibyte, block[:]...)
	}
	for name, body := range map[string][]byte{
		"empty": {}, "space": []byte(" "), "newline": []byte("\n"), "crlf": []byte("a\r\nb\n\r"), "bom": []byte("\xef\xbb\xbf[]"),
		"nul": {0}, "every": every, "utf8": []byte("São João \xff\xfe"), "gzip": {0x1f, 0x8b, 8, 0, 0, 0, 0, 0}, "chunk": []byte("0\r\n\r\n"),
		"json": []byte(` [ { "id" : 1e2 , "title":"\u00e9" } ]` + "\n"), "4096": mebibyte[:4096], "4097": mebibyte[:4097], "MiB": mebibyte,
	} {
		version, err := s.Create(tb.Context(), name, body)
		if err != nil {
			tb.Errorf("Create of body %s: got %v, want nil", name, err)
			continue
		}
		wantDocument(tb, s, name, string(body), version)
		reversed := slices.Clone(body)
		slices.Reverse(reversed)
		wantDocument(tb, s, name, string(reversed), mustReplace(tb, s, name, string(reversed), version))
	}
	// A store may refuse a long body, but must not truncate it.
	long := string(bytes.Repeat(mebibyte, 5)) + "end"
	switch version, err := s.Create(tb.Context(), "long", []byte(long)); {
	case err == nil:
		wantDocument(tb, s, "long", long, version)
	case errors.Is(err, storage.ErrRefused):
		wantMissing(tb, s, "long")
	default:
		tb.Errorf("Create of a body of %d bytes: got %v, want nil or %v", len(long), err, storage.ErrRefused)
	}
	if version, err := s.Create(tb.Context(), "nil", nil); err != nil {
		tb.Errorf("Create of a nil body: got %v, want nil", err)
	} else {
		wantDocument(tb, s, "nil", "", version)
	}
}

func bodyNotRetained(tb testing.TB, h Harness) {
	s := h.Open(tb)
	body := []byte("created")
	version, err := s.Create(tb.Context(), "key", body)
	if err != nil {
		tb.Fatalf("Create: got %v, want nil", err)
	}
	if string(body) != "created" {
		tb.Errorf("body after Create: got %q, want it unchanged", body)
	}
	copy(body, "XXXXXXX")
	wantDocument(tb, s, "key", "created", version)

	body = []byte("replaced")
	version, err = s.Replace(tb.Context(), "key", body, version)
	if err != nil {
		tb.Fatalf("Replace: got %v, want nil", err)
	}
	copy(body, "XXXXXXXX")
	wantDocument(tb, s, "key", "replaced", version)

	doc, err := s.Get(tb.Context(), "key")
	changed, _, errIfChanged := storage.GetIfChanged(tb.Context(), s, "key", "")
	if err != nil || errIfChanged != nil {
		tb.Fatalf("Get: got %v and %v, want nil", err, errIfChanged)
	}
	// A body does not change when the store reads or writes something else.
	other := mustCreate(tb, s, "other", "different")
	wantDocument(tb, s, "other", "different", other)
	newer := mustReplace(tb, s, "key", "REPLACED", version)
	wantDocument(tb, s, "key", "REPLACED", newer)
	for _, body := range [][]byte{doc.Body, changed.Body} {
		if string(body) != "replaced" {
			tb.Errorf("a body that Get returned, after other calls: got %q, want %q", body, "replaced")
		}
	}
	// Nor does the store when its caller changes what it returned.
	doc, err = s.Get(tb.Context(), "key")
	changed, _, errIfChanged = storage.GetIfChanged(tb.Context(), s, "key", "")
	if err != nil || errIfChanged != nil {
		tb.Fatalf("Get: got %v and %v, want nil", err, errIfChanged)
	}
	for _, body := range [][]byte{doc.Body, changed.Body} {
		for i := range body {
			body[i] = 'X'
		}
		wantDocument(tb, s, "key", "REPLACED", newer)
		wantDocument(tb, s, "other", "different", other)
	}
}

func errorsCarryOperationAndKey(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "other", "body")
	want := func(op, key string, err error) {
		tb.Helper()
		detailed, ok := errors.AsType[*storage.Error](err)
		if !ok {
			tb.Errorf("%s: got the error %v (%T), want a *storage.Error", op, err, err)
		} else if detailed.Op != op || detailed.Key != key {
			tb.Errorf("%s of key %q: got an error of operation %q on key %q", op, key, detailed.Op, detailed.Key)
		}
	}
	_, err := s.Get(tb.Context(), "missing")
	want("get", "missing", err)
	_, err = s.Create(tb.Context(), "other", nil)
	want("create", "other", err)
	_, err = s.Replace(tb.Context(), "missing", nil, version)
	want("replace", "missing", err)
	want("delete", "missing", s.Delete(tb.Context(), "missing", version))
	for op, err := range everyOperation(tb.Context(), s, "\xff", version) {
		want(op, "\xff", err)
	}
	done, cancel := context.WithCancel(tb.Context())
	cancel()
	if checker, ok := s.(storage.Checker); ok {
		want("check", "", checker.Check(done))
	}
	if lister, ok := s.(storage.Lister); ok {
		for _, err := range lister.Keys(done) {
			want("keys", "", err)
		}
	}
}

func contextDone(tb testing.TB, h Harness) {
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "body")
	cancelled, cancel := context.WithCancel(tb.Context())
	cancel()
	expired, cancel := context.WithDeadline(tb.Context(), time.Unix(0, 0))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, expired} {
		for op, err := range everyOperation(ctx, s, "key", version) {
			if !errors.Is(err, ctx.Err()) {
				tb.Errorf("%s with a context that is done: got %v, want %v", op, err, ctx.Err())
			}
		}
		_, err := s.Create(ctx, "new", []byte("body"))
		wantError(tb, "Create with a context that is done", err, ctx.Err())
		if checker, ok := s.(storage.Checker); ok {
			wantError(tb, "Check with a context that is done", checker.Check(ctx), ctx.Err())
		}
		if lister, ok := s.(storage.Lister); ok {
			var last error
			for _, err := range lister.Keys(ctx) {
				last = err
			}
			wantError(tb, "Keys with a context that is done", last, ctx.Err())
		}
	}
	wantDocument(tb, s, "key", "body", version)
	wantMissing(tb, s, "new")
}

func concurrentCreate(tb testing.TB, h Harness) {
	stores := handles(tb, h)
	for round := range 8 {
		key := "key " + strconv.Itoa(round)
		oneWins(tb, h, stores, key, func(i int) (doc storage.Document, err error) {
			doc.Body = []byte(strconv.Itoa(i))
			doc.Version, err = stores[i%len(stores)].Create(tb.Context(), key, doc.Body)
			return doc, err
		})
	}
}

func concurrentDelete(tb testing.TB, h Harness) {
	if h.NoDelete != "" {
		return
	}
	stores := handles(tb, h)
	for round := range 8 {
		key := "key " + strconv.Itoa(round)
		version := mustCreate(tb, stores[0], key, "body")
		oneWins(tb, h, stores, key, func(i int) (doc storage.Document, err error) {
			s := stores[i/2%len(stores)] // each handle does both
			if (i+round)%2 == 0 {
				return doc, s.Delete(tb.Context(), key, version)
			}
			doc.Body = []byte(strconv.Itoa(i))
			doc.Version, err = s.Replace(tb.Context(), key, doc.Body, version)
			return doc, err
		})
	}
}

// oneWins calls write concurrently for each writer. Exactly one call must succeed. The
// key must then have the returned document, or no document if that has no version.
func oneWins(tb testing.TB, h Harness, stores []storage.Store, key string, write func(i int) (storage.Document, error)) {
	tb.Helper()
	var wins atomic.Int32
	var winner atomic.Pointer[storage.Document]
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range h.Writers {
		all.Go(func() {
			<-start
			switch doc, err := write(i); {
			case err == nil:
				wins.Add(1)
				winner.Store(&doc)
			case !errors.Is(err, storage.ErrConflict):
				tb.Errorf("a write by one of %d: got %v, want nil or %v", h.Writers, err, storage.ErrConflict)
			}
		})
	}
	close(start)
	all.Wait()
	if wins.Load() != 1 {
		tb.Errorf("%d writers write to one state: got %d winners, want 1", h.Writers, wins.Load())
		return
	}
	won := winner.Load()
	for _, s := range stores {
		if won.Version == "" {
			wantMissing(tb, s, key)
		} else {
			wantDocument(tb, s, key, string(won.Body), won.Version)
		}
	}
}

// counterRace tests the purpose of all other rules: no acknowledged write is lost.
// Bodies contain the writer and its turn, because two writes of equal bytes may have
// equal versions.
func counterRace(tb testing.TB, h Harness) {
	stores := handles(tb, h)
	mustCreate(tb, stores[0], "counter", "0 start")
	var all sync.WaitGroup
	var failed atomic.Bool
	var bodies sync.Map // by version
	for w := range h.Writers {
		s := stores[w%len(stores)]
		all.Go(func() {
			last, conflicts := -1, 0
			for turn := 0; turn < h.Increments && !failed.Load() && !tb.Failed(); {
				start := time.Now()
				doc, err := s.Get(tb.Context(), "counter")
				if err != nil {
					failed.Store(true)
					tb.Errorf("Get while others write: got %v, want nil", err)
					return
				}
				digits, _, _ := strings.Cut(string(doc.Body), " ")
				n, err := strconv.Atoi(digits)
				if err != nil || n < last {
					failed.Store(true)
					tb.Errorf("Get while others write: got %q, want a count of at least %d", doc.Body, last)
					return
				}
				if body, ok := bodies.LoadOrStore(doc.Version, string(doc.Body)); ok && body != string(doc.Body) {
					failed.Store(true)
					tb.Errorf("Get while others write: got %q and %q, both at version %q", body, doc.Body, doc.Version)
					return
				}
				last = n
				body := strconv.Itoa(n+1) + " " + strconv.Itoa(w) + "." + strconv.Itoa(turn)
				switch _, err := s.Replace(tb.Context(), "counter", []byte(body), doc.Version); {
				case err == nil:
					last = n + 1
					turn++
					conflicts = 0
				case errors.Is(err, storage.ErrConflict):
					// All at once again would make a slow store take minutes, and
					// so would a pause that grows with a call that was held up.
					conflicts = min(conflicts+1, 8)
					time.Sleep(rand.N(min(time.Since(start), 100*time.Millisecond)<<conflicts + 1))
				default:
					failed.Store(true)
					tb.Errorf("Replace while others write: got %v, want nil or %v", err, storage.ErrConflict)
					return
				}
			}
		})
	}
	all.Wait()
	doc, err := stores[0].Get(tb.Context(), "counter")
	if err != nil {
		tb.Fatalf("Get: got %v, want nil", err)
	}
	got, _, _ := strings.Cut(string(doc.Body), " ")
	if want := strconv.Itoa(h.Writers * h.Increments); got != want {
		tb.Errorf("%d writers x %d increments: got %s, want %s", h.Writers, h.Increments, got, want)
	}
}

func survivesReopen(tb testing.TB, h Harness) {
	if h.Reopen == nil {
		return
	}
	s := h.Open(tb)
	versions := make(map[string]storage.Version)
	for _, key := range HostileKeys() {
		versions[key] = mustCreate(tb, s, key, "body of "+key)
	}
	s = h.Reopen(tb, s)
	for key, version := range versions {
		wantDocument(tb, s, key, "body of "+key, version)
		mustReplace(tb, s, key, "new body of "+key, version)
	}
	if lister, ok := s.(storage.Lister); ok {
		wantKeys(tb, lister, HostileKeys())
	}

	// Versions from before the restart are not reused.
	s = h.Open(tb)
	seen := make(bodies)
	version := mustCreate(tb, s, "key", "0")
	for n := range 12 {
		seen.add(tb, version, strconv.Itoa(n))
		if n == 6 {
			s = h.Reopen(tb, s)
		}
		version = mustReplace(tb, s, "key", strconv.Itoa(n+1), version)
	}
	seen.add(tb, version, "12")
}

func getIfChanged(tb testing.TB, h Harness) {
	s := h.Open(tb)
	getter, ok := s.(storage.ConditionalGetter)
	if !ok {
		return
	}
	_, _, err := getter.GetIfChanged(tb.Context(), "key", "")
	wantError(tb, "GetIfChanged of a missing document", err, storage.ErrNotFound)
	first := mustCreate(tb, s, "key", "first")
	_, _, err = getter.GetIfChanged(tb.Context(), "missing", first)
	wantError(tb, "GetIfChanged of a missing document", err, storage.ErrNotFound)
	for _, forged := range []storage.Version{"", "*", "0", "line\r\nbreak"} {
		wantIfChanged(tb, s, forged, "first", first)
	}
	wantIfChanged(tb, s, first, "first", first)
	second := mustReplace(tb, s, "key", "second", first)
	wantIfChanged(tb, s, first, "second", second)
	wantIfChanged(tb, s, second, "second", second)
}

func keys(tb testing.TB, h Harness) {
	s := h.Open(tb)
	lister, ok := s.(storage.Lister)
	if !ok {
		return
	}
	wantKeys(tb, lister, nil)
	var all []string
	versions := make(map[string]storage.Version)
	for i := range 50 {
		key := "key " + strconv.Itoa(i*7919%1000)
		all = append(all, key)
		versions[key] = mustCreate(tb, s, key, "body")
	}
	wantKeys(tb, lister, all)
	seen := 0
	for _, err := range lister.Keys(tb.Context()) {
		if err != nil {
			tb.Fatalf("Keys: got %v, want nil", err)
		}
		seen++
		if seen == 3 {
			break
		}
	}
	if seen != 3 {
		tb.Errorf("Keys, left after 3: got %d", seen)
	}
	if h.NoDelete != "" {
		return
	}
	if err := s.Delete(tb.Context(), all[0], versions[all[0]]); err != nil {
		tb.Fatalf("Delete: got %v, want nil", err)
	}
	wantKeys(tb, lister, all[1:])
}

// manyKeys checks that a listing of several pages is complete, also while documents
// are written, as by a program that deletes old ones.
func manyKeys(tb testing.TB, h Harness) {
	s := h.Open(tb)
	lister, ok := s.(storage.Lister)
	if !ok {
		return
	}
	all := make([]string, h.Documents)
	versions := make([]storage.Version, h.Documents)
	var writers sync.WaitGroup
	for w := range h.Writers {
		writers.Go(func() {
			for i := w; i < h.Documents && !tb.Failed(); i += h.Writers {
				var err error
				all[i] = fmt.Sprintf("key %06d", i)
				if versions[i], err = s.Create(tb.Context(), all[i], []byte("body")); err != nil {
					tb.Errorf("Create of key %q: got %v, want nil", all[i], err)
				}
			}
		})
	}
	writers.Wait()
	if tb.Failed() {
		return
	}
	wantKeys(tb, lister, all)
	// A canceled listing returns an error unless it is complete.
	cancelled, cancel := context.WithCancel(tb.Context())
	defer cancel()
	listed, ended := 0, error(nil)
	for _, err := range lister.Keys(cancelled) {
		if ended = err; err == nil {
			listed++
		}
		cancel()
	}
	if !errors.Is(ended, context.Canceled) && listed != len(all) {
		tb.Errorf("Keys, cancelled at its first key: got %d keys of %d and %v, want all or %v", listed, len(all), ended, context.Canceled)
	}

	// Writes must not wait for the end of a listing.
	ctx, cancel := context.WithTimeout(tb.Context(), h.hangs)
	defer cancel()
	var got, left []string
	for key, err := range lister.Keys(ctx) {
		if err != nil {
			tb.Fatalf("Keys while documents are written: got %v, want nil", err)
		}
		i, _ := slices.BinarySearch(all, key)
		switch got = append(got, key); {
		case i == len(all) || i%10 != 0:
			left = append(left, key)
			continue
		case h.NoDelete != "":
			left = append(left, key)
			_, err = s.Replace(ctx, key, []byte("new"), versions[i])
		default:
			err = s.Delete(ctx, key, versions[i])
		}
		if err != nil {
			tb.Fatalf("a write to key %q when Keys has yielded it: got %v, want nil", key, err)
		}
	}
	if !slices.Equal(got, all) {
		tb.Errorf("Keys while documents are written: got %d, want %d", len(got), len(all))
	}
	wantKeys(tb, lister, left)
}

// away checks that an unreachable store returns only ErrUnavailable.
func away(tb testing.TB, h Harness) {
	if h.Away == nil {
		return
	}
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "body")
	h.Away(tb, s)
	for op, call := range Operations(s, version) {
		wantOnly(tb, op+" of an unreachable store", call(tb.Context()), storage.ErrUnavailable, storage.ErrNotFound, storage.ErrConflict, storage.ErrRefused)
	}
	_, _, err := storage.GetIfChanged(tb.Context(), s, "key", version)
	wantError(tb, "GetIfChanged of an unreachable store", err, storage.ErrUnavailable)
}

// refuses checks that a refused write returns ErrRefused and changes nothing, and that
// reads still work.
func refuses(tb testing.TB, h Harness) {
	if h.Refuse == nil {
		return
	}
	s := h.Open(tb)
	version := mustCreate(tb, s, "key", "body")
	h.Refuse(tb, s)
	// Larger than the space that the store has freed or reserved.
	body := bytes.Repeat([]byte("new"), 1<<20)
	_, create := s.Create(tb.Context(), "new", body)
	_, replace := s.Replace(tb.Context(), "key", body, version)
	for op, err := range map[string]error{"Create": create, "Replace": replace} {
		wantOnly(tb, op+" on a store that refuses", err, storage.ErrRefused, storage.ErrUnavailable)
	}
	wantDocument(tb, s, "key", "body", version)
	wantMissing(tb, s, "new")
}

func check(tb testing.TB, h Harness) {
	s := h.Open(tb)
	checker, ok := s.(storage.Checker)
	if !ok {
		return
	}
	mustCreate(tb, s, "key", "body")
	if err := checker.Check(tb.Context()); err != nil {
		tb.Errorf("Check: got %v, want nil", err)
	}
	if lister, ok := s.(storage.Lister); ok {
		wantKeys(tb, lister, []string{"key"})
	}
}

// everyOperation calls each operation that a document at version would allow
// and returns its error by the operation's name.
func everyOperation(ctx context.Context, s storage.Store, key string, version storage.Version) map[string]error {
	_, get := s.Get(ctx, key)
	_, create := s.Create(ctx, key, []byte("body"))
	_, replace := s.Replace(ctx, key, []byte("body"), version)
	return map[string]error{"get": get, "create": create, "replace": replace, "delete": s.Delete(ctx, key, version)}
}

// secondSeesWrites: what one handle has acknowledged, the other shows at once, by
// every way to read, although it has read or written the document before. Each
// handle writes twice in turn: a copy may be kept after a read or after a write.
func secondSeesWrites(tb testing.TB, h Harness) {
	stores := handles(tb, h)
	writer, reader := stores[0], stores[len(stores)-1]
	lists := func(keys ...string) {
		if lister, ok := reader.(storage.Lister); ok {
			wantKeys(tb, lister, keys)
		}
	}
	for _, s := range stores[1:] {
		if owner, ok := s.(storage.SoleOwner); ok && owner.SoleOwner() {
			tb.Error("SoleOwner: got true for a store with two handles, want false")
		}
	}
	wantMissing(tb, reader, "key")
	lists()
	version := mustCreate(tb, writer, "key", "0")
	lists("key")
	known := storage.Version("")
	seen := make(bodies)
	for n := range 12 {
		seen.add(tb, version, strconv.Itoa(n))
		wantIfChanged(tb, reader, known, strconv.Itoa(n), version)
		wantDocument(tb, reader, "key", strconv.Itoa(n), version)
		if n%2 == 1 {
			writer, reader = reader, writer
		}
		known, version = version, mustReplace(tb, writer, "key", strconv.Itoa(n+1), version)
	}
	wantDocument(tb, reader, "key", "12", version)
	if h.NoDelete != "" {
		return
	}
	if err := writer.Delete(tb.Context(), "key", version); err != nil {
		tb.Fatalf("Delete: got %v, want nil", err)
	}
	_, _, err := storage.GetIfChanged(tb.Context(), reader, "key", version)
	wantError(tb, "GetIfChanged of what another handle deleted", err, storage.ErrNotFound)
	wantMissing(tb, reader, "key")
	lists()
	mustCreate(tb, reader, "key", "again")
}

// handles returns the store of the harness and, if there is one, a second
// handle on it.
func handles(tb testing.TB, h Harness) []storage.Store {
	s := h.Open(tb)
	if h.Second == nil {
		return []storage.Store{s}
	}
	return []storage.Store{s, h.Second(tb, s)}
}

// bodies maps the versions of one document to its bodies.
type bodies map[storage.Version]string

func (b bodies) add(tb testing.TB, version storage.Version, body string) {
	tb.Helper()
	if before, ok := b[version]; ok && before != body {
		tb.Errorf("bodies %.20q and %.20q: got one version %q for both, want two", before, body, version)
	}
	b[version] = body
}

func mustCreate(tb testing.TB, s storage.Store, key, body string) storage.Version {
	tb.Helper()
	version, err := s.Create(tb.Context(), key, []byte(body))
	if err != nil {
		tb.Fatalf("Create of key %.40q: got %v, want nil", key, err)
	}
	return version
}

func mustReplace(tb testing.TB, s storage.Store, key, body string, version storage.Version) storage.Version {
	tb.Helper()
	version, err := s.Replace(tb.Context(), key, []byte(body), version)
	if err != nil {
		tb.Fatalf("Replace of key %.40q: got %v, want nil", key, err)
	}
	return version
}

func wantDocument(tb testing.TB, s storage.Store, key, body string, version storage.Version) {
	tb.Helper()
	doc, err := s.Get(tb.Context(), key)
	switch {
	case err != nil:
		tb.Errorf("Get of key %.40q: got %v, want nil", key, err)
	case !bytes.Equal(doc.Body, []byte(body)):
		tb.Errorf("Get of key %.40q: got the body %.60q (%d bytes), want %.60q (%d bytes)", key, doc.Body, len(doc.Body), body, len(body))
	case doc.Version != version:
		tb.Errorf("Get of key %.40q: got the version %q, want %q", key, doc.Version, version)
	}
}

// wantIfChanged asks for "key", which holds body at version.
func wantIfChanged(tb testing.TB, s storage.Store, known storage.Version, body string, version storage.Version) {
	tb.Helper()
	doc, changed, err := storage.GetIfChanged(tb.Context(), s, "key", known)
	switch {
	case err != nil:
		tb.Errorf("GetIfChanged at %q: got %v, want nil", known, err)
	case known == version && (changed || doc.Body != nil || doc.Version != ""):
		tb.Errorf("GetIfChanged at the current version: got changed = %t and %q at %q, want false and a zero document", changed, doc.Body, doc.Version)
	case known != version && (!changed || string(doc.Body) != body || doc.Version != version):
		tb.Errorf("GetIfChanged at %q: got changed = %t and %q at %q, want true and %q at %q", known, changed, doc.Body, doc.Version, body, version)
	}
}

func wantMissing(tb testing.TB, s storage.Store, key string) {
	tb.Helper()
	doc, err := s.Get(tb.Context(), key)
	if !errors.Is(err, storage.ErrNotFound) {
		tb.Errorf("Get of missing key %.40q: got %.60q and %v, want %v", key, doc.Body, err, storage.ErrNotFound)
	}
}

func wantKeys(tb testing.TB, lister storage.Lister, want []string) {
	tb.Helper()
	want = slices.Sorted(slices.Values(want))
	var got []string
	for key, err := range lister.Keys(tb.Context()) {
		if err != nil {
			tb.Errorf("Keys: got %v, want nil", err)
			return
		}
		got = append(got, key)
	}
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			tb.Errorf("Keys: got %d, want %d; from number %d on got %.100q, want %.100q", len(got), len(want), i, got[min(i, len(got)):min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
			return
		}
	}
}

func wantError(tb testing.TB, what string, got, want error) {
	tb.Helper()
	if !errors.Is(got, want) {
		tb.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantOnly checks that got is want and none of others.
func wantOnly(tb testing.TB, what string, got, want error, others ...error) {
	tb.Helper()
	wantError(tb, what, got, want)
	for _, other := range others {
		if errors.Is(got, other) {
			tb.Errorf("%s: got %v, which is also %v", what, got, other)
		}
	}
}
