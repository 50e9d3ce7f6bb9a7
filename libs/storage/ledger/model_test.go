package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

// Any sequence of operations, through any of three ledgers on one bucket whose
// calls fail in any way, has the result of a model of a few lines.

var errEmpty = errors.New("nothing to pop")

// remember is how many operations the ledgers of this test remember.
const remember = 8

type step struct {
	Ledger  int
	Action  string
	Number  int
	ID      int // 0: none; small, so that they repeat
	Faults  []string
	Restart bool
}

func (s step) payload() []byte { return fmt.Append(nil, s.Action, s.Number) }

func (s step) id() string {
	if s.ID == 0 {
		return ""
	}
	return fmt.Sprint("id", s.ID)
}

// op is the step's operation on a list of numbers.
func (s step) op() ledger.Op[[]int] {
	return ledger.Op[[]int]{ID: s.id(), Payload: s.payload(), Apply: func(st ledger.State[[]int]) (ledger.Change[[]int], error) {
		switch s.Action {
		case "push":
			return ledger.Change[[]int]{Doc: append(slices.Clip(st.Doc), s.Number), Result: fmt.Append(nil, len(st.Doc))}, nil
		case "pop":
			if len(st.Doc) == 0 {
				return ledger.Change[[]int]{}, errEmpty
			}
			n := len(st.Doc) - 1
			return ledger.Change[[]int]{Doc: st.Doc[:n:n], Result: fmt.Append(nil, st.Doc[n])}, nil
		case "touch":
			return ledger.Change[[]int]{Unchanged: true, Result: []byte("same")}, nil
		case "clear":
			return ledger.Set[[]int](nil), nil
		case "stamp":
			return ledger.Change[[]int]{Doc: append(slices.Clip(st.Doc), int(st.Next))}, nil
		}
		panic("unknown action")
	}}
}

type remembered struct {
	id      string
	rev     uint64
	payload []byte
	result  []byte
}

// model is the document as one reads the promises.
type model struct {
	doc    []int
	rev    uint64
	memory []remembered
}

func (m *model) apply(s step) (result []byte, rev uint64, replayed bool, err error) {
	for _, r := range slices.Backward(m.memory) {
		if s.ID != 0 && r.id == s.id() {
			if !bytes.Equal(r.payload, s.payload()) {
				return nil, 0, false, ledger.ErrIDReused
			}
			return r.result, r.rev, true, nil
		}
	}
	switch s.Action {
	case "push":
		result = fmt.Append(nil, len(m.doc))
		m.doc = append(m.doc, s.Number)
	case "pop":
		if len(m.doc) == 0 {
			return nil, 0, false, errEmpty
		}
		result = fmt.Append(nil, m.doc[len(m.doc)-1])
		m.doc = m.doc[:len(m.doc)-1]
	case "touch":
		result = []byte("same")
		if s.ID == 0 {
			return result, m.rev, false, nil
		}
	case "clear":
		m.doc = nil
	case "stamp":
		m.doc = append(m.doc, int(m.rev)+1)
	}
	m.rev++
	m.memory = append(m.memory, remembered{s.id(), m.rev, s.payload(), result})
	m.memory = m.memory[max(0, len(m.memory)-remember):]
	return result, m.rev, false, nil
}

func stepGenerator() *rapid.Generator[step] {
	return rapid.Custom(func(t *rapid.T) step {
		return step{
			Ledger:  rapid.IntRange(0, 2).Draw(t, "ledger"),
			Action:  rapid.SampledFrom([]string{"push", "push", "push", "pop", "touch", "clear", "stamp", "read"}).Draw(t, "action"),
			Number:  rapid.IntRange(0, 2).Draw(t, "number"),
			ID:      rapid.IntRange(0, 9).Draw(t, "id"),
			Faults:  rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "fail", "lose", "conflict", "met", "hang", "hang after"}), 0, 4).Draw(t, "faults"),
			Restart: rapid.IntRange(0, 9).Draw(t, "restart") == 0,
		}
	})
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(stepGenerator(), 1, 40).Draw(rt, "steps")
		var problem string
		synctest.Test(t, func(*testing.T) { problem = play(steps) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

func play(steps []step) (problem string) {
	b := newBucket()
	var faults []string // of the next writes
	bend := func(ctx context.Context, _ int, do func() (storage.Version, error)) (storage.Version, error) {
		fault := ""
		if len(faults) > 0 {
			fault, faults = faults[0], faults[1:]
		}
		unavailable := &storage.Error{Op: "put", Err: storage.ErrUnavailable}
		conflict := &storage.Error{Op: "put", Err: storage.ErrConflict}
		switch fault {
		case "fail":
			return "", unavailable
		case "conflict":
			return "", conflict
		case "hang":
			<-ctx.Done()
			return "", &storage.Error{Op: "put", Err: ctx.Err()}
		}
		v, err := do()
		if err != nil {
			return v, err
		}
		switch fault {
		case "lose":
			return "", unavailable
		case "met":
			return "", conflict
		case "hang after":
			<-ctx.Done()
			return "", &storage.Error{Op: "put", Err: ctx.Err()}
		}
		return v, nil
	}
	start := func() *ledger.Ledger[[]int] {
		s := newScripted(b)
		s.onPut = bend
		return ledger.New(s, ledger.Options[[]int]{RememberFor: time.Nanosecond, RememberMin: remember, RememberMax: remember, Logger: quietly})
	}
	var ledgers [3]*ledger.Ledger[[]int]
	for i := range ledgers {
		ledgers[i] = start()
	}
	defer func() {
		for _, l := range ledgers {
			_ = l.Close(context.Background())
		}
	}()
	ctx := context.Background()
	var m model
	for i, s := range steps {
		if s.Restart {
			_ = ledgers[s.Ledger].Close(ctx)
			ledgers[s.Ledger] = start()
		}
		l := ledgers[s.Ledger]
		if s.Action == "read" {
			got, err := l.Read(ctx, "k")
			if err != nil || !slices.Equal(got.Doc, m.doc) || got.Revision != m.rev || got.Exists != (m.rev > 0) || got.Age != 0 {
				return fmt.Sprintf("step %d: read %+v, %v, want %v at %d", i, got, err, m.doc, m.rev)
			}
			continue
		}
		faults = s.Faults
		got, err := l.Update(ctx, "k", s.op())
		faults = nil
		result, rev, replayed, wantErr := m.apply(s)
		if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
			return fmt.Sprintf("step %d: got error %v, want %v", i, err, wantErr)
		}
		if err != nil {
			continue
		}
		if got.Revision != rev || got.Replayed != replayed || !bytes.Equal(got.Result, result) || rev > 0 && got.Index != 0 {
			return fmt.Sprintf("step %d: got %d/%d %q replayed %t, want %d/0 %q %t", i, got.Revision, got.Index, got.Result, got.Replayed, rev, result, replayed)
		}
		if !slices.Equal(got.Snapshot.Doc, m.doc) || got.Snapshot.Revision != m.rev {
			return fmt.Sprintf("step %d: snapshot %v at %d, want %v at %d", i, got.Snapshot.Doc, got.Snapshot.Revision, m.doc, m.rev)
		}
	}
	return ""
}
