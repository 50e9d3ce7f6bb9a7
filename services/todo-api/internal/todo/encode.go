package todo

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendState appends the list in the predecessor's form, a JSON array of id,
// title and completed.
func (l List) AppendState(dst []byte) []byte {
	dst = append(dst, '[')
	for i, it := range l.Sorted() {
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

// stateSize is how many bytes AppendState appends. It may say less than that
// while both are below MaxBytes.
func (l List) stateSize() int {
	const overhead, escape = 72, 6 // of an item, of a byte of its title
	most := 2
	for _, it := range l.Items {
		most += overhead + escape*len(it.Title)
	}
	if most <= MaxBytes {
		return 0
	}
	return len(l.AppendState(nil))
}

// AppendTodos appends the list as Todo-Backend has it, a JSON array of items as
// [Item.AppendTodo] makes them.
func (l List) AppendTodos(dst []byte, base string) []byte {
	return appendTodos(dst, l.Sorted(), base)
}

func appendTodos(dst []byte, items []Item, base string) []byte {
	dst = append(dst, '[')
	for i, it := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = it.AppendTodo(dst, base)
	}
	return append(dst, ']')
}

// AppendTodo appends the item as Todo-Backend has it, a JSON object of id,
// title, completed, order and url. The url is base and the item's UID; base
// must need no escaping in JSON.
func (it Item) AppendTodo(dst []byte, base string) []byte {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, it.UID...)
	dst = append(dst, '"')
	dst = appendContent(dst, it)
	dst = append(dst, `,"order":`...)
	dst = appendOrder(dst, it.Order)
	dst = append(dst, `,"url":"`...)
	dst = append(dst, base...)
	dst = append(dst, it.UID...)
	return append(dst, `"}`...)
}

// AppendItems appends items in the form in which they are stored, which
// [DecodeItems] reads.
func AppendItems(dst []byte, items []Item) []byte {
	dst = append(dst, '[')
	for i, it := range items {
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

func appendContent(dst []byte, it Item) []byte {
	dst = append(dst, `,"title":`...)
	// The only error is for invalid UTF-8, which no decoder here lets pass.
	dst, _ = jsontext.AppendQuote(dst, it.Title)
	dst = append(dst, `,"completed":`...)
	return strconv.AppendBool(dst, it.Completed)
}

func appendOrder(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // and not -0
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}
