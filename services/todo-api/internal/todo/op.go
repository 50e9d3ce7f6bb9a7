package todo

import (
	"slices"
	"strconv"
)

// Op is an operation on a list. Apply is a pure function: the same list gives
// the same effect.
type Op interface {
	// Kind is a short word for the operation, as the JSON of a batch names it.
	Kind() string
	// Apply returns what the operation makes of a list, or one of this
	// package's sentinels when it cannot be applied to it.
	Apply(List) (Effect, error)
}

// Effect is what an operation did.
type Effect struct {
	// List is the list afterwards.
	List List
	// Changed is false when List is the one that was given.
	Changed bool
	// Item is the item that the operation names, for [Create] and [Update].
	Item Item
	// Existed says that [Create] found the item as it was to be created.
	Existed bool
	// Removed holds, as they were before, the items that the operation took
	// away or changed, where that can be brought back by [Restore].
	Removed []Item
}

// Create adds an item.
type Create struct {
	// UID names the item. When the list has it already with the same content,
	// nothing changes.
	UID       string
	Title     string
	Completed bool
	// Order is nil for an item that goes to the end.
	Order *float64
}

// Update changes what is not nil of the item UID.
type Update struct {
	UID string
	Change
}

// Change is what an [Update] changes.
type Change struct {
	Title     *string
	Completed *bool
	Order     *float64
}

// Delete takes the item UID away.
type Delete struct{ UID string }

// CompleteAll completes every item, or none.
type CompleteAll struct{ Completed bool }

// ClearCompleted takes the completed items away.
type ClearCompleted struct{}

// Clear takes every item away.
type Clear struct{}

// Replace makes the list hold Entries and nothing else. An entry is taken for
// the item with its ID and its title, else for the one in the same place among
// those with its ID that are left; it keeps that item's UID and Order. Order
// is changed only as far as it takes to list the entries as they are given.
type Replace struct {
	Entries []Entry
	// Seed makes the UIDs of new items: it is their beginning, at most 58
	// characters that are valid in one, and must be new for every Replace.
	Seed string
}

// Entry is an item as the predecessor's page knows it.
type Entry struct {
	ID        int64
	Title     string
	Completed bool
}

// Restore brings Removed back: what is missing is added, what is there is put
// back to what it was.
type Restore struct{ Removed []Item }

// Kind implements [Op].
func (Create) Kind() string { return "create" }

// Kind implements [Op].
func (Update) Kind() string { return "update" }

// Kind implements [Op].
func (Delete) Kind() string { return "delete" }

// Kind implements [Op].
func (CompleteAll) Kind() string { return "completeAll" }

// Kind implements [Op].
func (ClearCompleted) Kind() string { return "clearCompleted" }

// Kind implements [Op].
func (Clear) Kind() string { return "clear" }

// Kind implements [Op].
func (Replace) Kind() string { return "replace" }

// Kind implements [Op].
func (Restore) Kind() string { return "restore" }

// Apply adds the item; it returns [ErrExists] and [ErrFull].
func (op Create) Apply(l List) (Effect, error) {
	if old, ok := l.Find(op.UID); ok {
		if old.Title != op.Title || old.Completed != op.Completed || op.Order != nil && old.Order != *op.Order {
			return Effect{}, ErrExists
		}
		return Effect{List: l, Item: old, Existed: true}, nil
	}
	item := Item{UID: op.UID, ID: l.nextID(), Title: op.Title, Completed: op.Completed}
	if op.Order != nil {
		item.Order = *op.Order
	} else {
		item.Order = l.nextOrder()
	}
	next := List{append(slices.Clip(l.Items), item)}
	if err := next.checkGrowth(l); err != nil {
		return Effect{}, err
	}
	return Effect{List: next, Changed: true, Item: item}, nil
}

// Apply changes the item; it returns [ErrNotFound] and [ErrFull].
func (op Update) Apply(l List) (Effect, error) {
	i := l.index(op.UID)
	if i < 0 {
		return Effect{}, ErrNotFound
	}
	item := l.Items[i]
	if op.Title != nil {
		item.Title = *op.Title
	}
	if op.Completed != nil {
		item.Completed = *op.Completed
	}
	if op.Order != nil {
		item.Order = *op.Order
	}
	if item == l.Items[i] {
		return Effect{List: l, Item: item}, nil
	}
	next := List{slices.Clone(l.Items)}
	next.Items[i] = item
	if err := next.checkGrowth(l); err != nil {
		return Effect{}, err
	}
	return Effect{List: next, Changed: true, Item: item}, nil
}

// Apply takes the item away; it returns [ErrNotFound].
func (op Delete) Apply(l List) (Effect, error) {
	i := l.index(op.UID)
	if i < 0 {
		return Effect{}, ErrNotFound
	}
	return Effect{
		List:    List{slices.Concat(l.Items[:i], l.Items[i+1:])},
		Changed: true,
		Item:    l.Items[i],
		Removed: []Item{l.Items[i]},
	}, nil
}

// Apply sets every item's state.
func (op CompleteAll) Apply(l List) (Effect, error) {
	differs := func(it Item) bool { return it.Completed != op.Completed }
	if !slices.ContainsFunc(l.Items, differs) {
		return Effect{List: l}, nil
	}
	next := List{slices.Clone(l.Items)}
	for i := range next.Items {
		next.Items[i].Completed = op.Completed
	}
	return Effect{List: next, Changed: true}, nil
}

// Apply takes the completed items away.
func (op ClearCompleted) Apply(l List) (Effect, error) {
	var kept, removed []Item
	for _, it := range l.Items {
		if it.Completed {
			removed = append(removed, it)
		} else {
			kept = append(kept, it)
		}
	}
	if len(removed) == 0 {
		return Effect{List: l}, nil
	}
	return Effect{List: List{kept}, Changed: true, Removed: removed}, nil
}

// Apply takes every item away.
func (op Clear) Apply(l List) (Effect, error) {
	if len(l.Items) == 0 {
		return Effect{List: l}, nil
	}
	return Effect{Changed: true, Removed: l.Items}, nil
}

// Apply makes the list hold the entries.
func (op Replace) Apply(l List) (Effect, error) {
	old := l.Sorted()
	matches := match(old, op.Entries)
	next := List{make([]Item, len(op.Entries))}
	for i, e := range op.Entries {
		next.Items[i] = Item{ID: e.ID, Title: e.Title, Completed: e.Completed}
		if m := matches[i]; m >= 0 {
			next.Items[i].UID, next.Items[i].Order = old[m].UID, old[m].Order
		} else {
			next.Items[i].UID = op.Seed + "-" + strconv.Itoa(i)
		}
	}
	place(next.Items, matches)
	if slices.Equal(next.Items, old) {
		return Effect{List: l}, nil
	}
	removed := slices.Clone(old)
	kept := make(map[Item]bool, len(next.Items))
	for _, it := range next.Items {
		kept[it] = true
	}
	return Effect{
		List:    next,
		Changed: true,
		Removed: slices.DeleteFunc(removed, func(it Item) bool { return kept[it] }),
	}, nil
}

// match returns for each entry the index of the item that it is taken for, or
// -1.
func match(items []Item, entries []Entry) []int {
	type content struct {
		id    int64
		title string
	}
	byContent := make(map[content][]int, len(items))
	for i, it := range items {
		c := content{it.ID, it.Title}
		byContent[c] = append(byContent[c], i)
	}
	matches := make([]int, len(entries))
	taken := make([]bool, len(items))
	for i, e := range entries {
		c := content{e.ID, e.Title}
		matches[i] = -1
		if same := byContent[c]; len(same) > 0 {
			matches[i], byContent[c] = same[0], same[1:]
			taken[same[0]] = true
		}
	}
	byID := make(map[int64][]int)
	for i, it := range items {
		if !taken[i] {
			byID[it.ID] = append(byID[it.ID], i)
		}
	}
	for i, e := range entries {
		if matches[i] >= 0 {
			continue
		}
		if same := byID[e.ID]; len(same) > 0 {
			matches[i], byID[e.ID] = same[0], same[1:]
		}
	}
	return matches
}

// place gives every item that matches nothing an order between its
// neighbours, or, where the matched ones do not ascend, numbers all of them.
func place(items []Item, matches []int) {
	// upper[i] is the order of the first matched item at or after i.
	upper := make([]float64, len(items)+1)
	upper[len(items)] = MaxNumber
	for i := len(items) - 1; i >= 0; i-- {
		upper[i] = upper[i+1]
		if matches[i] >= 0 {
			upper[i] = items[i].Order
		}
	}
	last := 0.0
	if first := slices.IndexFunc(matches, func(m int) bool { return m >= 0 }); first >= 0 {
		last = max(items[first].Order-float64(first)-1, -MaxNumber)
	}
	for i := range items {
		if matches[i] < 0 {
			// Items of equal order are listed as they were inserted, which is
			// as they stand here.
			items[i].Order = min(last+1, upper[i])
		}
		if i > 0 && items[i].Order < last {
			for j := range items {
				items[j].Order = float64(j + 1)
			}
			return
		}
		last = items[i].Order
	}
}

// Apply brings the items back; it returns [ErrFull].
func (op Restore) Apply(l List) (Effect, error) {
	next := List{slices.Clone(l.Items)}
	var changed bool
	var overwritten []Item
	for _, it := range op.Removed {
		i := next.index(it.UID)
		switch {
		case i < 0:
			next.Items = append(next.Items, it)
			changed = true
		case next.Items[i] != it:
			overwritten = append(overwritten, next.Items[i])
			next.Items[i] = it
			changed = true
		}
	}
	if !changed {
		return Effect{List: l}, nil
	}
	if err := next.checkGrowth(l); err != nil {
		return Effect{}, err
	}
	return Effect{List: next, Changed: true, Removed: overwritten}, nil
}

// nextID is a number that the predecessor's page does not yet know. The page
// itself counts items, so a larger one than all there are is the safest.
func (l List) nextID() int64 {
	var largest int64
	for _, it := range l.Items {
		largest = max(largest, it.ID)
	}
	if largest < MaxNumber {
		return largest + 1
	}
	taken := make(map[int64]bool, len(l.Items))
	for _, it := range l.Items {
		taken[it.ID] = true
	}
	id := int64(1)
	for taken[id] {
		id++
	}
	return id
}

func (l List) nextOrder() float64 {
	if len(l.Items) == 0 {
		return 1
	}
	largest := l.Items[0].Order
	for _, it := range l.Items {
		largest = max(largest, it.Order)
	}
	return min(largest+1, MaxNumber)
}

// checkGrowth refuses a list that is too large and larger than before: one
// that is too large already can still be changed and shrunk.
func (l List) checkGrowth(before List) error {
	if len(l.Items) > MaxItems && len(l.Items) > len(before.Items) {
		return ErrFull
	}
	if size := l.stateSize(); size > MaxBytes && size > before.stateSize() {
		return ErrFull
	}
	return nil
}
