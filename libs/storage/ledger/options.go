package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// Codec defines how a document of type T is stored. A document that was never
// written is the zero T. The zero Codec is a strict encoding/json: it refuses
// unknown fields, duplicate keys, invalid UTF-8 and trailing data, so that an older
// process fails at a field that it does not know instead of dropping it. Numbers in
// an interface are decoded as [json.Number]: a float64 would change integers above
// 2^53.
type Codec[T any] struct {
	// Append appends doc to dst as one JSON value. It must not fail for a document
	// that an operation may produce; if it does, the operations of that commit fail
	// with its error.
	Append func(dst []byte, doc T) ([]byte, error)
	// Decode is the inverse of Append. Its error makes the key [ErrDamaged].
	// It may keep data.
	Decode func(data []byte) (T, error)
	// Exact means that Append appends valid JSON in UTF-8 that Decode decodes to an
	// equal document, for every document that an operation may produce. Otherwise
	// the ledger decodes each document before it writes it, which can be most of an
	// update's cost, and uses the decoded one.
	// IF IT IS NOT TRUE, WRITES ARE ACKNOWLEDGED THAT CANNOT BE READ, OR ARE READ
	// DIFFERENTLY BY OTHER PROCESSES: prove it by tests of the codec.
	Exact bool
	// Legacy, if not nil, decodes a body that is valid JSON but not an envelope,
	// that is, not an object with a member "v". If ok, the body is a document from
	// before the ledger: it becomes revision 0, and the first write upgrades it.
	// Legacy may keep body.
	Legacy func(body []byte) (doc T, ok bool, err error)
	// Removed, if not nil, returns doc with the journal of a document of format 1 or
	// 2: {"rev", "at", "kind", "items"} for each of the latest operations that
	// deleted something, oldest first. Since format 3, such a journal is part of T.
	// If Removed is nil, a document with a journal is damaged.
	Removed func(doc T, journal []byte) (T, error)
}

// Options configure a [Ledger]. A zero field means its default.
type Options[T any] struct {
	// Codec defines how documents are stored.
	Codec Codec[T]

	// MaxBatch is the largest number of operations in one write. Default 512.
	MaxBatch int
	// MaxWaiting and MaxWaitingPerKey are the maximum numbers of operations that
	// were accepted and not yet answered. Further ones are refused with
	// [ErrOverloaded]. Defaults 65,536 and 4,096.
	MaxWaiting, MaxWaitingPerKey int
	// MaxKeys is the maximum number of keys in memory. An idle key is evicted for a
	// new one; if none is idle, the call fails with [ErrOverloaded]. Default 10,000.
	MaxKeys int
	// MaxBytes is the maximum stored size of all documents in memory: the least
	// recently used ones are evicted. Documents in use are not; a [Ledger.Watch]
	// that would let the watched documents alone exceed MaxBytes is refused with
	// [ErrOverloaded]. Default: no limit.
	MaxBytes int64
	// IdleAfter is how long an unused key stays in memory. Default 10 min.
	IdleAfter time.Duration

	// StaleFor is the maximum age of a copy that answers [Ledger.Read] while the
	// store is away. IdleAfter limits it, too. Default: no copy answers.
	StaleFor time.Duration
	// CallTimeout is the timeout of one call to the store. The outcome of a write that
	// exceeds it is determined by reading. Default 3 s.
	CallTimeout time.Duration

	// RememberFor, RememberMin and RememberMax bound the record of operation
	// ids in a document: an operation is remembered for RememberFor or while
	// it is among the last RememberMax, whichever is less, and always while
	// it is among the last RememberMin; commits are forgotten as a whole, so
	// that up to MaxBatch more may be remembered. 12 bytes each. Defaults 60 s,
	// 256 and 4,096. All ledgers on a store should use the same.
	RememberFor              time.Duration
	RememberMin, RememberMax int
	// ClockSkew is by how much the clocks of writers may differ: operations are
	// remembered for that much longer than RememberFor. A writer whose clock is
	// further ahead makes the others forget early, down to RememberMin; that it
	// is ahead is logged once. Default 30 s.
	ClockSkew time.Duration
	// ResultBytes bounds the results that are remembered, newest first. A
	// result larger than a quarter of it is not kept. Default 16 KiB.
	ResultBytes int

	// WatchFastest and WatchSlowest are the intervals of the conditional
	// reads for a watched key: fastest for a minute after a change, then a
	// sixtieth of the time since, up to slowest. Defaults 1 s and 10 s.
	WatchFastest, WatchSlowest time.Duration

	// Hints, if not nil, announce commits between the processes that use the store:
	// watched keys are then read when a hint announces a change, and otherwise every
	// WatchHinted. A hint only causes a read and is never believed. While the bus is
	// away, and for keys that changed without a hint, WatchFastest and WatchSlowest
	// apply. Not used on a store with one owner.
	Hints Hints
	// WatchHinted is the interval of the conditional reads for a watched key whose
	// changes are announced by hints. Default 60 s, at least WatchSlowest.
	WatchHinted time.Duration

	// CheckOperations runs every operation twice, and fails it if it modified its
	// argument or had two different results. It encodes the document four times, so
	// use it in tests only.
	CheckOperations bool

	// Logger gets what an operator should know: damaged documents, a store
	// that went away and came back, panics. Default [slog.Default].
	Logger *slog.Logger
	// Observer observes the ledger, for metrics.
	Observer Observer
	// Seed is the seed of random pauses. If 0, a random seed is used.
	Seed uint64

	ablate ablation
}

// ablation switches off mechanisms, for tests that show that they are needed.
type ablation struct {
	dedup bool // forget operation ids
	yield bool // never yield to other writers
}

// Observer observes a ledger, for metrics. Each function may be nil, is called
// synchronously and concurrently, must return quickly, and must not call the
// ledger. A panic in one ends the process, as in any goroutine.
type Observer struct {
	// Commit: a write landed.
	Commit func(Commit)
	// Conflict: the store reported that another writer was faster.
	Conflict func(key string)
	// StaleRead: an old copy answered a read.
	StaleRead func(key string, age time.Duration)
	// Damaged: a stored document is damaged. Called once for each version.
	Damaged func(key string, err error)
	// Refused: an operation or a read exceeded a limit.
	Refused func(key string)
	// StoreCall is called before each call to the store, so that the call can be a
	// span below the caller's. op is "get", "create", "replace" or "delete". ctx has
	// the values of the context of the Update or Read that causes the call (the
	// first of several that share it). The store gets the returned context, which
	// must be derived from ctx. ended is called with the store's error.
	StoreCall func(ctx context.Context, op, key string) (call context.Context, ended func(error))
	// StoreError: a call for the key was refused, got no answer, or is not durable.
	// err is the store's error.
	StoreError func(key string, err error)
	// Away: the store stopped answering, or began to answer again.
	Away func(away bool)
	// Hint: a hint arrived or was missed. Listening: hints began to arrive, or
	// stopped. See Options.Hints.
	Hint      func(key string, outcome HintOutcome)
	Listening func(arrive bool)
}

// Commit describes a write that landed.
type Commit struct {
	Key      string
	Revision uint64
	// Operations is the number of operations in the write, and Waiting the number
	// of those left in the key's queue.
	Operations, Waiting int
	// Attempts is the number of writes that were sent for it.
	Attempts int
	// Bytes is the size of the document in the store.
	Bytes int
	// Duration is the time since the commit began.
	Duration time.Duration
}

func (o Options[T]) withDefaults() Options[T] {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	defd := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.MaxBatch, 512)
	def(&o.MaxWaiting, 65536)
	def(&o.MaxWaitingPerKey, 4096)
	def(&o.MaxKeys, 10000)
	def(&o.RememberMin, 256)
	def(&o.RememberMax, max(4096, o.RememberMin))
	def(&o.ResultBytes, 16<<10)
	defd(&o.IdleAfter, 10*time.Minute)
	defd(&o.CallTimeout, 3*time.Second)
	defd(&o.RememberFor, time.Minute)
	defd(&o.ClockSkew, 30*time.Second)
	defd(&o.WatchFastest, time.Second)
	defd(&o.WatchSlowest, max(10*time.Second, o.WatchFastest))
	defd(&o.WatchHinted, max(time.Minute, o.WatchSlowest))
	for name, v := range map[string]int64{
		"MaxBatch": int64(o.MaxBatch), "MaxWaiting": int64(o.MaxWaiting), "MaxWaitingPerKey": int64(o.MaxWaitingPerKey),
		"MaxKeys": int64(o.MaxKeys), "RememberMin": int64(o.RememberMin), "RememberMax": int64(o.RememberMax),
		"ResultBytes": int64(o.ResultBytes), "MaxBytes": o.MaxBytes,
		"IdleAfter": int64(o.IdleAfter), "CallTimeout": int64(o.CallTimeout), "RememberFor": int64(o.RememberFor),
		"ClockSkew": int64(o.ClockSkew), "StaleFor": int64(o.StaleFor),
		"WatchFastest": int64(o.WatchFastest), "WatchSlowest": int64(o.WatchSlowest), "WatchHinted": int64(o.WatchHinted),
	} {
		if v < 0 {
			panic(fmt.Sprintf("ledger: Options.%s is negative: %d", name, v))
		}
	}
	if o.RememberMax < o.RememberMin || o.WatchSlowest < o.WatchFastest || o.WatchHinted < o.WatchSlowest {
		panic("ledger: Options: a smallest value exceeds its largest")
	}
	if o.Codec.Append == nil {
		o.Codec.Append = func(dst []byte, doc T) ([]byte, error) {
			text, err := jsonx.Marshal(&doc, lossless) // with the methods of *T, which the decoder calls, too
			return append(dst, text...), err
		}
	}
	if o.Codec.Decode == nil {
		o.Codec.Decode = decodeStrict[T]
	}
	if o.Codec.Removed == nil {
		o.Codec.Removed = func(doc T, _ []byte) (T, error) {
			return doc, errors.New("expected no journal: this program has no Codec.Removed")
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64() //nolint:gosec // lengths of pauses
	}
	return o
}

// lossless is encoding/json, but refuses text in invalid UTF-8, which that
// replaces. A [json.Number], which the package does not know, is no text.
var lossless = jsonx.JoinOptions(jsonv1.DefaultOptionsV1(), jsontext.AllowInvalidUTF8(false),
	jsonx.WithMarshalers(jsonx.MarshalToFunc(func(e *jsontext.Encoder, n json.Number) error { return jsonv1.Number(n).MarshalJSONTo(e) })))

// decodeStrict is the default Codec.Decode.
func decodeStrict[T any](data []byte) (T, error) {
	var doc T
	if err := checkUnique(data); err != nil {
		return doc, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		return doc, err
	}
	return doc, nil
}
