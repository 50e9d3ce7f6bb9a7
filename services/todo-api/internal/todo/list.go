package todo

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxItems is the maximum number of items of a list.
	MaxItems = 5_000
	// MaxTitleLength is the maximum length of an item's title, in code points,
	// without leading and trailing white space.
	MaxTitleLength = 2_000
	// MaxListTitleLength is the maximum length of a list's title, in code points.
	MaxListTitleLength = 200
	// MaxBytes is the maximum length of a list in the JSON of [List.AppendState].
	// It equals the API's limit of a request body, so that a client can write
	// back every list that it can read.
	MaxBytes = 1 << 20
	// MaxNumber bounds the absolute value of all numbers in a list: a float64, as
	// other readers of the JSON have, represents the integers up to it exactly.
	MaxNumber = 1<<53 - 1
)

// Item is one todo.
type Item struct {
	// UID identifies the item in its list: [A-Za-z0-9_-]{1,64}.
	UID string
	// ID is the item's number in the v1 form. Items of a list may share one.
	ID int64
	// Title describes the task. Only in the v1 form can it be empty, or have
	// leading or trailing white space.
	Title     string
	Completed bool
	// Order is the item's sort key; see [List.Sorted].
	Order float64
}

// List is a todo list. Operations return a new list and do not modify the one
// that they are applied to, so lists may share memory.
type List struct {
	// Title is the list's title, or "".
	Title string
	// Items are in insertion order.
	Items []Item
	// Removed are the items that the latest operations removed, oldest first.
	Removed []Removal

	size int // see Size; 0 if not known
}

// NewList returns a list of items. It computes the size once, so that operations
// need not.
func NewList(items []Item) List {
	l := List{Items: items}
	l.size = l.Size()
	return l
}

// Size returns the length of the list in the JSON of [List.AppendState].
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

// Sorted returns the items by ascending Order; items of equal Order stay in
// insertion order. The caller must not modify the slice.
func (l List) Sorted() []Item {
	byOrder := func(a, b Item) int { return cmp.Compare(a.Order, b.Order) }
	if slices.IsSortedFunc(l.Items, byOrder) {
		return l.Items
	}
	items := slices.Clone(l.Items)
	slices.SortStableFunc(items, byOrder)
	return items
}

// Find returns the item with the UID.
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
	// A rune has at least one byte, so most titles need no count of runes.
	return len(s) > MaxTitleLength && utf8.RuneCountInString(trimTitle(s)) > MaxTitleLength
}

// ValidUID reports whether s is a valid UID: 1 to 64 ASCII letters, digits, - and
// _.
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
