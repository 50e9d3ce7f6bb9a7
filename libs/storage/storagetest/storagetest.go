// Package storagetest is the conformance suite of the storage contract. A
// driver proves itself with a harness and one call:
//
//	func TestConformance(t *testing.T) {
//		storagetest.Run(t, storagetest.Harness{
//			Name: "memory",
//			Open: func(testing.TB) storage.Store { return memstore.New() },
//		})
//	}
//
// The suite expects the same of every backend. It prints the line
// "storagetest: ran on NAME ...", which shows a build that a backend was tested, and
// another line if the harness lacks a function.
package storagetest

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Harness tells the suite how to reach a backend.
type Harness struct {
	// Name says what the suite runs on, for example "LocalStack 4.14.0".
	Name string
	// Open returns a store without any documents, a new one for each call,
	// and registers with tb what releases it. It fails tb when it cannot.
	Open func(tb testing.TB) storage.Store
	// Second returns another handle on the documents of a store that Open
	// returned, as another process would have it. Races then run through both.
	// Nil for stores that only one handle can reach.
	Second func(tb testing.TB, store storage.Store) storage.Store
	// Reopen releases a store that Open returned and opens its documents
	// again. Nil for stores whose documents end with them.
	Reopen func(tb testing.TB, store storage.Store) storage.Store
	// Away makes the documents of a store that Open returned unreachable, as when
	// its server stops; for a file, closing the store may be enough. Every operation
	// must then fail with ErrUnavailable. If nil, this is not tested.
	Away func(tb testing.TB, store storage.Store)
	// Refuse lets a store that Open returned refuse to write 3 MiB, for example by
	// a quota or by removing the permission. The write must fail with ErrRefused, and
	// reads must still work. If nil, this is not tested.
	Refuse func(tb testing.TB, store storage.Store)
	// Writers and Increments are the size of the counter race, 32 and 200 when
	// zero; Documents is the number of documents in a listing, 1,001 when zero.
	Writers, Increments, Documents int
	// NoDelete is the reason for which this server, not the driver, cannot
	// delete on condition. Deletion must then answer ErrRefused and change
	// nothing, and the suite says so in its report.
	NoDelete string

	hangs time.Duration // timeout of calls that must not block
}

// Run tests the store that the harness opens, one subtest for each rule of
// the contract.
func Run(t *testing.T, h Harness) {
	t.Helper()
	h = h.withDefaults()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
	state := "passed"
	if t.Failed() {
		state = "failed"
	}
	t.Logf("storagetest: ran on %s: %d cases, %d writers x %d increments: %s", h.Name, len(cases), h.Writers, h.Increments, state)
	var missing []string
	for _, part := range []struct {
		name   string
		exists bool
	}{{"Second", h.Second != nil}, {"Reopen", h.Reopen != nil}, {"Away", h.Away != nil}, {"Refuse", h.Refuse != nil}} {
		if !part.exists {
			missing = append(missing, part.name)
		}
	}
	if len(missing) > 0 {
		t.Logf("storagetest: partly tested on %s: the harness has no %s", h.Name, strings.Join(missing, ", "))
	}
	if h.NoDelete != "" {
		t.Logf("storagetest: CONDITIONAL DELETE WAS NOT TESTED on %s: %s", h.Name, h.NoDelete)
	}
}

func (h Harness) withDefaults() Harness {
	h.Writers = cmp.Or(h.Writers, 32)
	h.Increments = cmp.Or(h.Increments, 200)
	h.Documents = cmp.Or(h.Documents, 1001)
	h.hangs = cmp.Or(h.hangs, time.Minute)
	return h
}

type testCase struct {
	name string
	run  func(tb testing.TB, h Harness)
}

// cases are the rules of the contract. For each, the package's own tests have a
// store that breaks it, which the suite must find.
var cases = []testCase{
	{"MissingDocument", missingDocument},
	{"CreateThenGet", createThenGet},
	{"CreateOverExisting", createOverExisting},
	{"ReplaceCurrent", replaceCurrent},
	{"ReplaceStale", replaceStale},
	{"ReplaceMissing", replaceMissing},
	{"ReplaceAtNoVersion", replaceAtNoVersion},
	{"VersionsTellBodiesApart", versionsTellBodiesApart},
	{"Delete", deleteCurrent},
	{"DeleteStale", deleteStale},
	{"VersionsAfterDelete", versionsAfterDelete},
	{"InvalidKeys", invalidKeys},
	{"HostileKeysKeptApart", hostileKeysKeptApart},
	{"BytesExact", bytesExact},
	{"BodyNotRetained", bodyNotRetained},
	{"ErrorsCarryOperationAndKey", errorsCarryOperationAndKey},
	{"ContextDone", contextDone},
	{"ConcurrentCreate", concurrentCreate},
	{"ConcurrentDelete", concurrentDelete},
	{"CounterRace", counterRace},
	{"SecondSeesWrites", secondSeesWrites},
	{"SurvivesReopen", survivesReopen},
	{"GetIfChanged", getIfChanged},
	{"Keys", keys},
	{"ManyKeys", manyKeys},
	{"Check", check},
	{"Away", away},
	{"Refuses", refuses},
}
