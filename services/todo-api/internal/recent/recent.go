// Package recent remembers values of strings that were used recently.
package recent

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// Table maps strings to values without locks. Its memory is bounded: each key has
// one slot, and Put replaces the slot's key. It is safe for concurrent use.
type Table[V any] struct {
	seed  maphash.Seed
	slots []atomic.Pointer[entry[V]]
}

type entry[V any] struct {
	hash  uint64
	key   string
	value V
}

// New returns an empty table with n slots.
func New[V any](n int) *Table[V] {
	return &Table[V]{maphash.MakeSeed(), make([]atomic.Pointer[entry[V]], n)}
}

func (t *Table[V]) slot(key string) (*atomic.Pointer[entry[V]], uint64) {
	hash := maphash.String(t.seed, key)
	return &t.slots[hash%uint64(len(t.slots))], hash
}

// Get returns the value of key, and whether the table has one. It does not retain
// key. Its duration does not reveal how many bytes of a key are right: keys are
// compared only if 64 bits of their hashes under a random seed are equal.
func (t *Table[V]) Get(key string) (value V, ok bool) {
	slot, hash := t.slot(key)
	if e := slot.Load(); e != nil && e.hash == hash && e.key == key {
		return e.value, true
	}
	return value, false
}

// Put sets the value of key. It keeps a copy of key.
func (t *Table[V]) Put(key string, value V) {
	slot, hash := t.slot(key)
	slot.Store(&entry[V]{hash, strings.Clone(key), value})
}
