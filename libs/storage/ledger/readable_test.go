package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

type shape interface{ Area() int }

type square struct{ Side int }

func (s square) Area() int { return s.Side * s.Side }

// refuses checks that a change which could not be read again is refused, that
// nothing is stored, and that an operation beside it lands.
func refuses[T any](t *testing.T, change, good ledger.Change[T], codec ledger.Codec[T], want string) {
	t.Helper()
	store := memstore.New()
	l := open(t, store, ledger.Options[T]{Logger: quietly, Codec: codec})
	of := func(c ledger.Change[T]) ledger.Op[T] {
		return ledger.Op[T]{Apply: func(ledger.State[T]) (ledger.Change[T], error) { return c, nil }}
	}
	_, err := l.Update(t.Context(), "k", of(change))
	if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
	if _, err := store.Get(t.Context(), "k"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("stored: got %v, want nothing", err)
	}
	_, errs := l.UpdateAll(t.Context(), "k", []ledger.Op[T]{of(good), of(change)})
	if errs[0] != nil || errs[1] == nil {
		t.Errorf("beside good ones: got %v, want the second alone to fail", errs)
	}
	next := ledger.New(store, ledger.Options[T]{Logger: quietly, Codec: codec})
	if _, err := next.Read(t.Context(), "k"); err != nil {
		t.Errorf("the next process: %v", err)
	}
	if err := next.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// A write is acknowledged only if the next process can read it.
func TestUnreadableIsRefused(t *testing.T) {
	raw := func(s string) ledger.Change[json.RawMessage] {
		return ledger.Change[json.RawMessage]{Doc: json.RawMessage(s)}
	}
	asIs := ledger.Codec[json.RawMessage]{Append: func(dst []byte, d json.RawMessage) ([]byte, error) { return append(dst, d...), nil }}
	nested := strings.Repeat("[", 10000) + strings.Repeat("]", 10000)
	t.Run("not UTF-8", func(t *testing.T) {
		refuses(t, raw("\"\xff\""), raw(`1`), asIs, "invalid UTF-8")
	})
	t.Run("text that is not UTF-8", func(t *testing.T) {
		refuses(t, ledger.Change[string]{Doc: "a\xffb"}, ledger.Change[string]{Doc: "a"}, ledger.Codec[string]{}, "invalid UTF-8")
	})
	t.Run("duplicate member", func(t *testing.T) {
		refuses(t, raw(`{"a":1,"a":2}`), raw(`1`), ledger.Codec[json.RawMessage]{}, "/items/a")
	})
	t.Run("nested too deep in the envelope", func(t *testing.T) {
		refuses(t, raw(nested), raw(`1`), asIs, "max depth")
	})
	t.Run("not JSON", func(t *testing.T) {
		refuses(t, raw(`{"a":`), raw(`1`), asIs, "not JSON")
	})
	t.Run("two values", func(t *testing.T) {
		refuses(t, raw(`1,"ops":2`), raw(`1`), asIs, "/ops")
	})
	t.Run("nothing", func(t *testing.T) {
		refuses(t, raw(``), raw(`1`), asIs, "not JSON")
	})
	t.Run("a type that can be written and not read", func(t *testing.T) {
		type doc struct{ Shapes []shape }
		refuses(t, ledger.Change[doc]{Doc: doc{[]shape{square{2}}}}, ledger.Change[doc]{}, ledger.Codec[doc]{}, "/items: json: cannot unmarshal object")
	})
	t.Run("a codec that does not append", func(t *testing.T) {
		refuses(t, raw(`2`), raw(`1`), ledger.Codec[json.RawMessage]{Exact: true, Append: func(dst []byte, doc json.RawMessage) ([]byte, error) {
			if string(doc) == "2" {
				return doc, nil
			}
			return append(dst, doc...), nil
		}}, "Codec.Append did not append")
	})
	t.Run("a codec that panics", func(t *testing.T) {
		refuses(t, raw(`2`), raw(`1`), ledger.Codec[json.RawMessage]{Decode: func(b []byte) (json.RawMessage, error) {
			if string(b) == "2" {
				panic("two")
			}
			return b, nil
		}}, "Codec.Decode panicked: two")
	})
}

// The maker of a change sees the document that every other process reads, without
// what its codec does not store.
func TestSnapshotIsWhatIsStored(t *testing.T) {
	type doc struct {
		Stored int
		Lost   int `json:"-"`
	}
	store := newShared()
	l := open(t, store, ledger.Options[doc]{})
	r, err := l.Update(t.Context(), "k", ledger.Op[doc]{Apply: func(ledger.State[doc]) (ledger.Change[doc], error) {
		return ledger.Set(doc{1, 2}), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	own, ownErr := l.Read(t.Context(), "k")
	other, otherErr := open(t, store, ledger.Options[doc]{}).Read(t.Context(), "k")
	if want := (doc{Stored: 1}); r.Snapshot.Doc != want || own.Doc != want || other.Doc != want || ownErr != nil || otherErr != nil {
		t.Errorf("got %v, then %v, %v, and elsewhere %v, %v, want %v each time", r.Snapshot.Doc, own.Doc, ownErr, other.Doc, otherErr, want)
	}
}

// A number in an interface stays what it is, though a float64 could not hold it:
// in what the maker sees, in what others read, and after a further change.
func TestNumbersInAnInterface(t *testing.T) {
	store := newShared()
	l := open(t, store, ledger.Options[map[string]any]{})
	const small, large, precise = "-9007199254740993", "18446744073709551615", "0.12345678901234567890"
	set := func(doc map[string]any, name string, value any) (map[string]any, error) {
		next := map[string]any{name: value}
		maps.Copy(next, doc)
		return next, nil
	}
	for name, value := range map[string]any{"p": json.Number(precise), "s": int64(-1<<53 - 1), "l": []any{uint64(math.MaxUint64)}} {
		_, err := ledger.Do(t.Context(), l, "k", func(doc map[string]any) (map[string]any, error) { return set(doc, name, value) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if doc, err := store.Get(t.Context(), "k"); err != nil || !strings.Contains(string(doc.Body), `"items":{"l":[`+large+`],"p":`+precise+`,"s":`+small+`}`) {
		t.Errorf("stored: got %s, %v", doc.Body, err)
	}
	want := map[string]any{"s": json.Number(small), "l": []any{json.Number(large)}, "p": json.Number(precise)}
	own, ownErr := l.Read(t.Context(), "k")
	other, otherErr := open(t, store, ledger.Options[map[string]any]{}).Read(t.Context(), "k")
	if !reflect.DeepEqual(own.Doc, want) || !reflect.DeepEqual(other.Doc, want) || ownErr != nil || otherErr != nil {
		t.Errorf("got %#v, %v and elsewhere %#v, %v, want %#v", own.Doc, ownErr, other.Doc, otherErr, want)
	}
}

// A type whose pointer has the methods is stored by them.
func TestMethodsOfThePointer(t *testing.T) {
	type doc struct{ Sum big.Float }
	l := open(t, memstore.New(), ledger.Options[doc]{})
	got, err := ledger.Do(t.Context(), l, "k", func(doc) (doc, error) { return doc{*big.NewFloat(1.5)}, nil })
	if err != nil || got.Sum.Text('g', 3) != "1.5" {
		t.Errorf("got %s, %v, want 1.5", got.Sum.Text('g', 3), err)
	}
}

// versionless is a store whose documents have no version.
type versionless struct{ storage.Store }

func (versionless) Get(context.Context, string) (storage.Document, error) {
	return storage.Document{Body: []byte(`{}`)}, nil
}

// A driver that does not keep its contract does not end the process.
func TestVersionlessDocument(t *testing.T) {
	l := open(t, versionless{memstore.New()}, ledger.Options[int]{Logger: quietly})
	if _, err := l.Read(t.Context(), "k"); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, storage.ErrUnavailable)
	}
}

// A codec that says that it reads what it writes is taken at its word.
func TestExactCodecDecodesNothingThatItWrote(t *testing.T) {
	for exact, want := range map[bool]int{false: 3, true: 0} {
		decoded := 0
		codec := ledger.Codec[int]{
			Append: func(dst []byte, n int) ([]byte, error) { return strconv.AppendInt(dst, int64(n), 10), nil },
			Decode: func(data []byte) (n int, err error) {
				decoded++
				return n, json.Unmarshal(data, &n)
			},
			Exact: exact,
		}
		l := open(t, memstore.New(), ledger.Options[int]{Codec: codec})
		for range 3 {
			increment(t, l, "k")
		}
		if decoded != want {
			t.Errorf("exact %v: got %d decodings of 3 writes, want %d", exact, decoded, want)
		}
	}
}
