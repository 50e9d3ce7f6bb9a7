package todo

import (
	"cmp"
	"slices"
)

// Changes returns what makes the items of one list those of another: those that
// were added or changed, in their order, and the UIDs of those that were
// removed. ok is false if [WithChanges] would bring them into another order.
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

// WithChanges returns sorted items with changes as clients apply them: what was
// removed is left out, what changed takes the place of what it was, what was
// added comes last, and all is sorted by order as [List.Sorted] does.
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
