package recent

import (
	"strconv"
	"sync"
	"testing"
)

func TestTable(t *testing.T) {
	table := New[int](64)
	if got, ok := table.Get(""); ok {
		t.Errorf("an empty table has %d", got)
	}
	kept := 0
	for i := range 1000 {
		key := strconv.Itoa(i)
		table.Put(key, i)
		if got, ok := table.Get(key); !ok || got != i {
			t.Fatalf("%s: got %d, %v, want %d", key, got, ok, i)
		}
	}
	for i := range 1000 {
		if got, ok := table.Get(strconv.Itoa(i)); ok && got != i {
			t.Fatalf("%d: got %d", i, got)
		} else if ok {
			kept++
		}
	}
	if kept == 0 || kept > 64 {
		t.Errorf("got %d keys, want at most one for each of 64 slots", kept)
	}
}

func TestTableConcurrently(t *testing.T) {
	table := New[int](4)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				table.Put(strconv.Itoa(i%16), i%16)
				if got, ok := table.Get(strconv.Itoa(i % 7)); ok && got != i%7 {
					t.Errorf("%d: got %d", i%7, got)
				}
			}
		})
	}
	all.Wait()
}
