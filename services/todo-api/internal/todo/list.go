package todo

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxItems is how many items a list can have.
	MaxItems = 5_000
	// MaxTitleLength is the length of the longest title, in code points, not
	// counting white space at its ends.
	MaxTitleLength = 2_000
	// MaxListTitleLength is the length of the longest title of a list, in code
	// points.
	MaxListTitleLength = 200
	// MaxBytes is how large a list can grow, as the bytes of JSON that
	// [List.AppendState] makes of it: that of the largest body which the API
	// reads, so that a list that can be read whole can be written back whole.
	MaxBytes = 1 << 20
	// MaxNumber bounds every number in a list: the integers that a float64
	// holds exactly, which is what other readers of the JSON have.
	MaxNumber = 1<<53 - 1
)

// Item is one todo.
type Item struct {
	// UID names the item within its list, uniquely: [A-Za-z0-9_-]{1,64}.
	UID string
	// ID is the number by which the predecessor's page knows the item. It may
	// repeat within a list.
	ID int64
	// Title is what is to be done. Only the predecessor's form leaves it empty
	// or with white space at its ends.
	Title     string
	Completed bool
	// Order places the item in its list; see [List.Sorted].
	Order float64
}

// List is one list. It is a value: operations return another list and never
// change the one they are applied to, so lists may share memory.
type List struct {
	// Title is what the list is called, or "".
	Title string
	// Items are in the order in which they were inserted.
	Items []Item
	// Removed is what the latest operations removed, oldest first.
	Removed []Removal

	size int // see Size; 0 if not known
}

// NewList returns a list whose size is known, so that operations need not
// measure it.
func NewList(items []Item) List {
	l := List{Items: items}
	l.size = l.Size()
	return l
}

// Size is the length of what [List.AppendState] appends.
func (l List) Size() int {
	if l.size > 0 {
		return l.size
	}
	size := 2 + max(0, len(l.Items)-1)
	for i := range l.Items {
		size += l.Items[i].size()
	}
	return size
}

// Sorted returns the items by ascending order, and by insertion where orders
// are equal. The caller must not change them.
func (l List) Sorted() []Item {
	byOrder := func(a, b Item) int { return cmp.Compare(a.Order, b.Order) }
	if slices.IsSortedFunc(l.Items, byOrder) {
		return l.Items
	}
	items := slices.Clone(l.Items)
	slices.SortStableFunc(items, byOrder)
	return items
}

// Find returns the item named uid.
func (l List) Find(uid string) (Item, bool) {
	if i := l.index(uid); i >= 0 {
		return l.Items[i], true
	}
	return Item{}, false
}

func (l List) index(uid string) int {
	return slices.IndexFunc(l.Items, func(it Item) bool { return it.UID == uid })
}

// trimTitle removes surrounding white space as a browser's String.trim does, which
// counts the byte order mark as white space.
func trimTitle(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
}

func titleTooLong(s string) bool {
	// No rune takes less than a byte, so most titles need no counting.
	return len(s) > MaxTitleLength && utf8.RuneCountInString(trimTitle(s)) > MaxTitleLength
}

// ValidUID reports whether s can name an item: 1 to 64 letters, digits, - and _
// of ASCII.
func ValidUID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
