package todo

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendState appends the list in the v1 form, a JSON array of objects with id,
// title and completed.
func (l List) AppendState(dst []byte) []byte {
	dst = append(dst, '[')
	items := l.Sorted()
	for i := range items {
		it := &items[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = strconv.AppendInt(dst, it.ID, 10)
		dst = appendContent(dst, it)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// size returns the length of the item in the JSON of [List.AppendState], without
// a comma.
func (it *Item) size() int {
	const punctuation = len(`{"id":,"title":"","completed":}`)
	size := punctuation + len("true") + len(it.Title)
	if !it.Completed {
		size++
	}
	for n := it.ID; ; n /= 10 {
		size++
		if n/10 == 0 {
			break
		}
	}
	if it.ID < 0 {
		size++
	}
	for i := range len(it.Title) {
		switch c := it.Title[i]; {
		case c >= ' ' && c != '"' && c != '\\':
		case c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t':
			size++
		default: // \u0000
			size += 5
		}
	}
	return size
}

// AppendList appends the stored form of the list: its items, or an object with
// its items, title and removals if it has a title or removals. [DecodeList] is
// the inverse.
func (l List) AppendList(dst []byte) []byte {
	if l.Title == "" && len(l.Removed) == 0 {
		return AppendItems(dst, l.Items)
	}
	dst = append(dst, '{')
	if l.Title != "" {
		dst = append(dst, `"title":`...)
		dst, _ = jsontext.AppendQuote(dst, l.Title) // see appendContent
		dst = append(dst, ',')
	}
	dst = append(dst, `"items":`...)
	dst = AppendItems(dst, l.Items)
	for i := range l.Removed {
		if i == 0 {
			dst = append(dst, `,"removed":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = appendRemoval(dst, &l.Removed[i])
	}
	if len(l.Removed) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// AppendItems appends the stored form of items. [DecodeItems] is the inverse.
func AppendItems(dst []byte, items []Item) []byte {
	const shortest, longer = len(`{"uid":"","id":1,"title":"","completed":true,"order":1},`), 20
	size := 2 + shortest*len(items)
	for i := range items {
		size += len(items[i].UID) + len(items[i].Title)
	}
	if cap(dst)-len(dst) < size {
		// Growing a large slice in steps would copy it several times.
		dst = slices.Grow(dst, size+longer*len(items))
	}
	dst = append(dst, '[')
	for i := range items {
		it := &items[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"uid":"`...)
		dst = append(dst, it.UID...)
		dst = append(dst, `","id":`...)
		dst = strconv.AppendInt(dst, it.ID, 10)
		dst = appendContent(dst, it)
		dst = append(dst, `,"order":`...)
		dst = appendOrder(dst, it.Order)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendContent(dst []byte, it *Item) []byte {
	dst = append(dst, `,"title":`...)
	if isPlain(it.Title) {
		dst = append(dst, '"')
		dst = append(dst, it.Title...)
		dst = append(dst, '"')
	} else {
		// The only error is for invalid UTF-8, which all decoders here refuse.
		dst, _ = jsontext.AppendQuote(dst, it.Title)
	}
	if it.Completed {
		return append(dst, `,"completed":true`...)
	}
	return append(dst, `,"completed":false`...)
}

// isPlain reports whether text is ASCII that needs no escaping in JSON. It tests
// eight bytes at a time, several times as fast as AppendQuote.
func isPlain(text string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	var other uint64 // has a high bit for each byte that is not plain
	for ; len(text) >= 8; text = text[8:] {
		w := binary.LittleEndian.Uint64([]byte(text[:8]))
		quote, backslash := w^(ones*'"'), w^(ones*'\\')
		// A byte below n borrows from its high bit; zero is below one.
		other |= w | (w-ones*' ')&^w | (quote-ones)&^quote | (backslash-ones)&^backslash
	}
	if other&high != 0 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x80 || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
