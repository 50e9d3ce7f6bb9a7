package todo

import (
	"slices"
	"strconv"
)

// Op is an operation on a list. Apply is a pure function: the same list gives
// the same effect. Titles are trimmed as they are set, except by [Replace], which
// keeps what v1 accepted.
type Op interface {
	// Kind is a short word for the operation, as the JSON of a batch names it.
	Kind() string
	// Apply returns the effect on a list, or one of this package's errors if
	// the operation cannot be applied to it.
	Apply(List) (Effect, error)
}

// Effect is what an operation did.
type Effect struct {
	// List is the list afterwards.
	List List
	// Changed is false when List is the one that was given.
	Changed bool
	// Item is the item of a [Create] or an [Update].
	Item Item
	// Existed is true when [Create] found the item as it was to be created.
	Existed bool
	// Removed holds the items that the operation removed or changed, as they
	// were before, if [Restore] can bring them back.
	Removed []Item
}

// The JSON of an operation is the payload of its idempotency key: renaming a
// field, or adding one that is not omitted when empty, refuses repetitions of
// requests that an older version of the program carried out.

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

// Update changes the item UID.
type Update struct {
	UID string
	Change
	// Was, if not nil, is what the client showed when it asked for the change.
	Was *Was `json:",omitempty"`
}

// Change is what an [Update] changes; nil fields stay.
type Change struct {
	Title     *string
	Completed *bool
	Order     *float64
}

// Was is what a client showed of an item. A new title is refused with a
// [*ChangedError] if the item's title is neither Title nor the new one. A new
// state is never refused: there are only two.
type Was struct {
	Title     *string
	Completed *bool
}

// Delete removes the item UID.
type Delete struct{ UID string }

// CompleteAll sets the state of all items, or of those in IDs.
type CompleteAll struct {
	Completed bool
	// IDs, if not nil, are the UIDs of the only items to change; unknown ones
	// are ignored.
	IDs []string `json:",omitzero"`
}

// ClearCompleted removes the completed items, or those of them in IDs.
type ClearCompleted struct {
	// IDs, if not nil, are the UIDs of the only items to remove; unknown ones
	// are ignored.
	IDs []string `json:",omitzero"`
}

// Clear removes every item.
type Clear struct{}

// SetTitle sets the title of the list; "" removes it.
type SetTitle struct {
	Title string
	// Was, if not nil, is the title that the client showed. The operation is
	// refused with a [*ChangedError] if the title is neither Was nor Title.
	Was *string `json:",omitempty"`
}

// Replace makes the list hold Entries and nothing else. An entry is taken for
// the item with its ID and its title, else for the one in the same place among
// those with its ID that are left; it keeps that item's UID and Order. Orders
// change only as far as needed to list the entries as they are given.
type Replace struct {
	Entries []Entry
	// Seed is the beginning of the UIDs of new items: at most 58 characters
	// that are valid in one, and new for every Replace.
	Seed string
}

// Entry is an item in the v1 form: as the first version of this program, a
// Falcon API, stored it and its page sends it.
type Entry struct {
	ID        int64
	Title     string
	Completed bool
}

// Restore brings back what a revision removed: missing items are added, and
// changed ones are put back.
type Restore struct{ Revision uint64 }

// MarshalJSON returns the revision, the form of earlier payloads.
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

// Apply sets the state of the items.
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

// selection reports which items an operation is about; nil stands for all.
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

// Apply makes the list hold the entries.
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
	kept := make(map[Item]bool, len(items))
	for _, it := range items {
		kept[it] = true
	}
	removed := slices.DeleteFunc(slices.Clone(old), func(it Item) bool { return kept[it] })
	return Effect{List: l.with(items), Changed: true, Removed: removed}, nil
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

// Apply brings the items back; it returns [ErrNoRevision] and [ErrFull].
func (op Restore) Apply(l List) (Effect, error) {
	var removed []Item
	for _, r := range l.Removed {
		if r.Revision == op.Revision {
			removed = append(removed, r.Items...)
		}
	}
	if removed == nil {
		return Effect{}, ErrNoRevision
	}
	// Of an item that one revision changed twice, the last state counts.
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

// grown returns l with other items, whose encoded size is given; [ErrFull] if
// they are too large and larger than before: a list that is too large already
// can still be changed and shrunk.
func (l List) grown(items []Item, size int) (List, error) {
	if len(items) > MaxItems && len(items) > len(l.Items) || size > MaxBytes && size > l.Size() {
		return List{}, ErrFull
	}
	l.Items, l.size = items, size
	return l, nil
}

// with returns l with other items.
func (l List) with(items []Item) List {
	l.Items, l.size = items, 0
	return l
}
