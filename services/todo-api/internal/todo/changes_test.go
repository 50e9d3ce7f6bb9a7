package todo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestChanges(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	item := func(i int) Item {
		return Item{UID: fmt.Sprint("u", i), Title: fmt.Sprint("t", rnd.IntN(3)), Completed: rnd.IntN(2) == 0, Order: float64(rnd.IntN(4))}
	}
	refused := 0
	for range 5000 {
		var from, to List
		for i := range rnd.IntN(8) {
			from.Items = append(from.Items, item(i))
		}
		for _, it := range from.Items {
			switch rnd.IntN(6) {
			case 0:
			case 1:
				it.Title += "!"
				to.Items = append(to.Items, it)
			case 2:
				it.Order = float64(rnd.IntN(4))
				to.Items = append(to.Items, it)
			default:
				to.Items = append(to.Items, it)
			}
		}
		for i := range rnd.IntN(3) {
			to.Items = append(to.Items, item(100+i))
		}
		changed, removed, ok := Changes(from, to)
		if !ok {
			refused++
			continue
		}
		if got, want := WithChanges(from.Sorted(), changed, removed), to.Sorted(); !slices.Equal(got, want) {
			t.Fatalf("from %v: got %v, want %v", from.Sorted(), got, want)
		}
		if len(changed)+len(removed) > len(from.Items)+len(to.Items) {
			t.Fatalf("%d changed and %d removed of %d and %d", len(changed), len(removed), len(from.Items), len(to.Items))
		}
	}
	if refused > 1500 {
		t.Errorf("%d of 5000 changes cannot be told, want them to be rare: moves among items of one order", refused)
	}
}
