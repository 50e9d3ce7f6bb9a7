package todo

import (
	"slices"
	"strconv"
)

// Op is an operation on a list. Operations trim the titles that they set, except
// [Replace], which keeps titles that v1 accepted.
type Op interface {
	// Kind returns the operation's type in the JSON of a batch.
	Kind() string
	// Apply returns the effect on a list, or an error of this package if the
	// operation cannot be applied. It is a pure function.
	Apply(List) (Effect, error)
}

// Effect is the result of applying an operation.
type Effect struct {
	// List is the new list.
	List List
	// Changed is false if List equals the old list.
	Changed bool
	// Item is the item of a [Create], [Update] or [Delete].
	Item Item
	// Existed is true if the list already had the item of a [Create].
	Existed bool
	// Removed are the old states of the items that [Restore] can bring back.
	Removed []Item
}

// The JSON of an operation is the payload of its idempotency key. DO NOT rename a
// field or add one that is not omitted when empty: the service would refuse to
// replay requests that an older version carried out.

// Create adds an item.
type Create struct {
	// UID identifies the item. If the list already has it with the same content,
	// nothing changes.
	UID       string
	Title     string
	Completed bool
	// Order is nil to append the item.
	Order *float64
}

// Update changes an item.
type Update struct {
	UID string
	Change
	// Was, if not nil, is the item as the client last read it.
	Was *Was `json:",omitempty"`
}

// Change holds the new values of an [Update]; nil fields do not change.
type Change struct {
	Title     *string
	Completed *bool
	Order     *float64
}

// Was is an item as the client last read it. An [Update] of the title returns a
// [*ChangedError] if the present title is neither Title nor the new one. An
// update of Completed never conflicts: it has only two values.
type Was struct {
	Title     *string
	Completed *bool
}

// Delete removes an item.
type Delete struct{ UID string }

// CompleteAll sets Completed of all items, or of those in IDs.
type CompleteAll struct {
	Completed bool
	// IDs, if not nil, limits the operation to the items with these UIDs; unknown
	// UIDs are ignored.
	IDs []string `json:",omitzero"`
}

// ClearCompleted removes the completed items, or the completed items in IDs.
type ClearCompleted struct {
	// IDs, if not nil, limits the operation to the items with these UIDs; unknown
	// UIDs are ignored.
	IDs []string `json:",omitzero"`
}

// Clear removes all items.
type Clear struct{}

// SetTitle sets the title of the list; "" removes it.
type SetTitle struct {
	Title string
	// Was, if not nil, is the title that the client last read. Apply returns a
	// [*ChangedError] if the present title is neither Was nor Title.
	Was *string `json:",omitempty"`
}

// Replace replaces all items by Entries. An entry matches the item with its ID
// and title, or else the next unmatched item with its ID; it keeps the UID and
// Order of the item that it matches. Orders change only as far as needed to keep
// the order of the entries.
type Replace struct {
	Entries []Entry
	// Seed is the prefix of the UIDs of new items: at most 58 characters that
	// are valid in a UID. It must be unique for each Replace.
	Seed string
}

// Entry is an item in the v1 form.
type Entry struct {
	ID        int64
	Title     string
	Completed bool
}

// Restore brings back the items that a revision removed: it adds missing items
// and resets changed ones.
type Restore struct{ Revision uint64 }

// MarshalJSON returns the revision as a number, the form of earlier payloads.
func (op Restore) MarshalJSON() ([]byte, error) {
	return strconv.AppendUint(nil, op.Revision, 10), nil
}

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
func (SetTitle) Kind() string { return "setTitle" }

// Kind implements [Op].
func (Replace) Kind() string { return "replace" }

// Kind implements [Op].
func (Restore) Kind() string { return "restore" }

// Apply adds the item; it returns [ErrExists] and [ErrFull].
func (op Create) Apply(l List) (Effect, error) {
	op.Title = trimTitle(op.Title)
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
	next, err := l.grown(append(slices.Clip(l.Items), item), l.Size()+min(len(l.Items), 1)+item.size())
	return Effect{List: next, Changed: true, Item: item}, err
}

// Apply changes the item; it returns [ErrNotFound], [*ChangedError] and
// [ErrFull].
func (op Update) Apply(l List) (Effect, error) {
	i := l.index(op.UID)
	if i < 0 {
		return Effect{}, ErrNotFound
	}
	item := l.Items[i]
	if op.Title != nil {
		title := trimTitle(*op.Title)
		if op.Was != nil && op.Was.Title != nil && item.Title != *op.Was.Title && item.Title != title {
			return Effect{}, &ChangedError{Item: item}
		}
		item.Title = title
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
	items := slices.Clone(l.Items)
	items[i] = item
	next, err := l.grown(items, l.Size()+item.size()-l.Items[i].size())
	return Effect{List: next, Changed: true, Item: item}, err
}

// Apply removes the item; it returns [ErrNotFound].
func (op Delete) Apply(l List) (Effect, error) {
	i := l.index(op.UID)
	if i < 0 {
		return Effect{}, ErrNotFound
	}
	item := l.Items[i]
	next := l.with(slices.Concat(l.Items[:i], l.Items[i+1:]))
	return Effect{List: next, Changed: true, Item: item, Removed: []Item{item}}, nil
}

// Apply sets Completed of the items.
func (op CompleteAll) Apply(l List) (Effect, error) {
	among := selection(op.IDs)
	var items []Item
	for i, it := range l.Items {
		if it.Completed == op.Completed || !among(it) {
			continue
		}
		if items == nil {
			items = slices.Clone(l.Items)
		}
		items[i].Completed = op.Completed
	}
	if items == nil {
		return Effect{List: l}, nil
	}
	return Effect{List: l.with(items), Changed: true}, nil
}

// Apply removes the completed items.
func (op ClearCompleted) Apply(l List) (Effect, error) {
	among := selection(op.IDs)
	var kept, removed []Item
	for _, it := range l.Items {
		if it.Completed && among(it) {
			removed = append(removed, it)
		} else {
			kept = append(kept, it)
		}
	}
	if len(removed) == 0 {
		return Effect{List: l}, nil
	}
	return Effect{List: l.with(kept), Changed: true, Removed: removed}, nil
}

// selection returns a function that reports whether uids has an item; nil uids
// has all items.
func selection(uids []string) func(Item) bool {
	if uids == nil {
		return func(Item) bool { return true }
	}
	among := make(map[string]bool, len(uids))
	for _, uid := range uids {
		among[uid] = true
	}
	return func(it Item) bool { return among[it.UID] }
}

// Apply removes every item.
func (op Clear) Apply(l List) (Effect, error) {
	if len(l.Items) == 0 {
		return Effect{List: l}, nil
	}
	return Effect{List: l.with(nil), Changed: true, Removed: l.Items}, nil
}

// Apply sets the title; it returns [*ChangedError].
func (op SetTitle) Apply(l List) (Effect, error) {
	title := trimTitle(op.Title)
	if l.Title == title {
		return Effect{List: l}, nil
	}
	if op.Was != nil && l.Title != trimTitle(*op.Was) {
		return Effect{}, &ChangedError{Title: l.Title}
	}
	l.Title = title
	return Effect{List: l, Changed: true}, nil
}

// Apply replaces all items.
func (op Replace) Apply(l List) (Effect, error) {
	old := l.Sorted()
	matches := match(old, op.Entries)
	items := make([]Item, len(op.Entries))
	for i, e := range op.Entries {
		items[i] = Item{ID: e.ID, Title: e.Title, Completed: e.Completed}
		if m := matches[i]; m >= 0 {
			items[i].UID, items[i].Order = old[m].UID, old[m].Order
		} else {
			items[i].UID = op.Seed + "-" + strconv.Itoa(i)
		}
	}
	place(items, matches)
	if slices.Equal(items, old) {
		return Effect{List: l}, nil
	}
	unchanged := make([]bool, len(old))
	for i, m := range matches {
		if m >= 0 && items[i] == old[m] {
			unchanged[m] = true
		}
	}
	var removed []Item
	for i, it := range old {
		if !unchanged[i] {
			removed = append(removed, it)
		}
	}
	return Effect{List: l.with(items), Changed: true, Removed: removed}, nil
}

// match returns for each entry the index of the item that it matches, or -1: of
// the same ID and title, or else of the same ID.
func match(items []Item, entries []Entry) []int {
	type content struct {
		id    int64
		title string
	}
	matches, taken := make([]int, len(entries)), make([]bool, len(items))
	if ascend(items, func(it *Item) int64 { return it.ID }) && ascend(entries, func(e *Entry) int64 { return e.ID }) {
		// No two share an ID, as in all lists that no two clients saved at once.
		for i, j := 0, 0; i < len(entries); i++ {
			for j < len(items) && items[j].ID < entries[i].ID {
				j++
			}
			if matches[i] = -1; j < len(items) && items[j].ID == entries[i].ID {
				matches[i] = j
			}
		}
		return matches
	}
	take := taker(items, taken, func(it *Item) content { return content{it.ID, it.Title} })
	for i, e := range entries {
		if matches[i] = take(content{e.ID, e.Title}); matches[i] >= 0 {
			taken[matches[i]] = true
		}
	}
	if !slices.Contains(matches, -1) {
		return matches
	}
	byID := taker(items, taken, func(it *Item) int64 { return it.ID })
	for i, e := range entries {
		if matches[i] < 0 {
			matches[i] = byID(e.ID)
		}
	}
	return matches
}

// ascend reports whether the ids of s are in strictly ascending order.
func ascend[T any](s []T, id func(*T) int64) bool {
	for i := 1; i < len(s); i++ {
		if id(&s[i]) <= id(&s[i-1]) {
			return false
		}
	}
	return true
}

// taker returns a function that returns the index of the first item with a key
// that is neither taken nor was returned before, or -1.
func taker[K comparable](items []Item, taken []bool, key func(*Item) K) func(K) int {
	first, next := make(map[K]int, len(items)), make([]int, len(items)) // indexes from 1; 0: none
	for i := len(items) - 1; i >= 0; i-- {
		if !taken[i] {
			k := key(&items[i])
			next[i], first[k] = first[k], i+1
		}
	}
	return func(k K) int {
		i := first[k] - 1
		if i >= 0 {
			first[k] = next[i]
		}
		return i
	}
}

// place gives each unmatched item an order between its neighbours. If the orders
// of the matched items do not ascend, it renumbers all items.
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
			// Items of equal order stay in insertion order, the order of this
			// slice.
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

// Apply brings the items back; it returns [ErrNoRevision] and [ErrFull].
func (op Restore) Apply(l List) (Effect, error) {
	var removed []Item
	for _, r := range l.Removed {
		if r.Revision != op.Revision {
			continue
		}
		if removed == nil {
			removed = r.Items
		} else {
			removed = slices.Concat(removed, r.Items)
		}
	}
	if len(removed) == 0 {
		return Effect{}, ErrNoRevision
	}
	if hasInOrder(l.Items, removed) {
		return Effect{List: l}, nil // a repetition, which must not cost what the first one did
	}
	// If one revision changed an item twice, the last state counts.
	wanted := make(map[string]int, len(removed))
	for i, it := range removed {
		wanted[it.UID] = i
	}
	var overwritten []Item
	items, size := slices.Clone(l.Items), l.Size()
	for i, it := range items {
		j, ok := wanted[it.UID]
		if !ok {
			continue
		}
		if removed[j] != it {
			overwritten = append(overwritten, it)
			size += removed[j].size() - it.size()
			items[i] = removed[j]
		}
		delete(wanted, it.UID)
	}
	for i, it := range removed {
		if j, ok := wanted[it.UID]; ok && i == j {
			size += min(len(items), 1) + it.size()
			items = append(items, it)
		}
	}
	if len(overwritten) == 0 && len(wanted) == 0 {
		return Effect{List: l}, nil
	}
	next, err := l.grown(items, size)
	return Effect{List: next, Changed: true, Removed: overwritten}, err
}

// hasInOrder reports whether wanted is a subsequence of items.
func hasInOrder(items, wanted []Item) bool {
	for i := range items {
		if len(wanted) > 0 && items[i] == wanted[0] {
			wanted = wanted[1:]
		}
	}
	return len(wanted) == 0
}

// nextID returns an unused ID. The page of v1 numbers its items by their count,
// so an ID above all others is the least likely to collide with its next one.
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

// grown returns l with new items of the given encoded size. The error is
// [ErrFull] if they exceed a limit and are larger than the old items: a list that
// is already too large can still be changed and shrunk.
func (l List) grown(items []Item, size int) (List, error) {
	if len(items) > MaxItems && len(items) > len(l.Items) || size > MaxBytes && size > l.Size() {
		return List{}, ErrFull
	}
	l.Items, l.size = items, size
	return l, nil
}

// with returns l with new items.
func (l List) with(items []Item) List {
	l.Items, l.size = items, 0
	return l
}
