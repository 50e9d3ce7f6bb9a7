//go:build torture

package torture

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// samples are the histories of some items, for porcupine.
type samples struct {
	began time.Time

	mu     sync.Mutex
	byItem map[string][]porcupine.Operation // by list and item
}

// asked is an operation or a read of an item.
type asked struct {
	op   *operation
	read bool
}

// told is the answer.
type told struct {
	unknown bool // may have taken effect, at any time
	missing bool // the item does not exist
	exists  bool // the item that was to be created exists
	item    item // as read
}

func newSamples() *samples {
	return &samples{began: time.Now(), byItem: make(map[string][]porcupine.Operation)}
}

func (s *samples) add(name string, client int, began time.Time, in asked, out told) {
	op := porcupine.Operation{ClientId: client, Input: in, Output: out, Call: int64(began.Sub(s.began)), Return: int64(time.Since(s.began))}
	if out.unknown {
		op.Return = math.MaxInt64
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byItem[name] = append(s.byItem[name], op)
}

// register is the model of an item for porcupine.
var register = porcupine.Model{
	Init: func() any { return item{} },
	Step: func(state, input, output any) (bool, any) {
		it, in, out := state.(item), input.(asked), output.(told)
		there := it.title != ""
		switch {
		case in.read && out.missing:
			return !there, it
		case in.read:
			return it == out.item, it
		case out.missing:
			return !there, it
		case out.exists:
			return there, it
		}
		next, ok := in.op.apply(in.op.uid, it)
		if !ok {
			return out.unknown, it
		}
		return true, next
	},
}

// check searches for a linearization of each sample's history, within limit.
func (s *samples) check(t *testing.T, limit time.Duration) (checked, operations, undecided, wrong int) {
	t.Helper()
	for name, ops := range s.byItem {
		if time.Since(s.began) < 0 || limit <= 0 {
			undecided++
			continue
		}
		began := time.Now()
		switch porcupine.CheckOperationsTimeout(register, ops, min(limit, 5*time.Second)) {
		case porcupine.Ok:
			checked++
			operations += len(ops)
		case porcupine.Illegal:
			wrong++
			t.Logf("%s: its %d operations have no linearization", name, len(ops))
		default:
			undecided++
		}
		limit -= time.Since(began)
	}
	return checked, operations, undecided, wrong
}
