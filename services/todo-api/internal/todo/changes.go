package todo

import (
	"cmp"
	"slices"
)

// Changes returns the difference between the items of two lists: the added and
// changed items in list order, and the UIDs of the removed items. ok is false if
// [WithChanges] would produce another order.
func Changes(from, to List) (changed []Item, removed []string, ok bool) {
	was, is := from.Sorted(), to.Sorted()
	before, after := was, is
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	left := make(map[string]*Item, len(before))
	for i := range before {
		left[before[i].UID] = &before[i]
	}
	for i := range after {
		if old := left[after[i].UID]; old == nil || *old != after[i] {
			changed = append(changed, after[i])
		}
		delete(left, after[i].UID)
	}
	for i := range before {
		if _, gone := left[before[i].UID]; gone {
			removed = append(removed, before[i].UID)
		}
	}
	return changed, removed, slices.Equal(WithChanges(was, changed, removed), is)
}

// WithChanges applies changes to sorted items as clients do: it deletes removed
// items, replaces changed items in place, appends added items, and sorts the
// result as [List.Sorted] does.
func WithChanges(items, changed []Item, removed []string) []Item {
	latest := make(map[string]Item, len(changed))
	for _, it := range changed {
		latest[it.UID] = it
	}
	gone := make(map[string]bool, len(removed))
	for _, uid := range removed {
		gone[uid] = true
	}
	result := make([]Item, 0, len(items)+len(changed))
	for i := range items {
		it := items[i]
		if gone[it.UID] {
			continue
		}
		if now, ok := latest[it.UID]; ok {
			delete(latest, it.UID)
			it = now
		}
		result = append(result, it)
	}
	for _, it := range changed {
		if _, added := latest[it.UID]; added {
			result = append(result, it)
		}
	}
	slices.SortStableFunc(result, func(a, b Item) int { return cmp.Compare(a.Order, b.Order) })
	return result
}
