package todo

import (
	"io"
	"strconv"
)

// Rendering is the JSON of items in the form of Todo-Backend, an array of objects
// with id, title, completed, order and url, without the base of the URLs: clients
// may use several base URLs for a list, and the bytes are kept once.
type Rendering struct {
	text []byte
	// bases are the offsets in text at which a URL begins.
	bases []int
}

// Render renders the list's sorted items.
func (l List) Render() *Rendering { return RenderItems(l.Sorted()) }

// RenderItems renders items in the given order.
func RenderItems(items []Item) *Rendering {
	size := 2
	for i := range items {
		size += items[i].size() + 100
	}
	r := &Rendering{text: make([]byte, 0, size), bases: make([]int, 0, len(items))}
	r.text = append(r.text, '[')
	for i := range items {
		if i > 0 {
			r.text = append(r.text, ',')
		}
		var base int
		r.text, base = items[i].appendTodo(r.text)
		r.bases = append(r.bases, base)
	}
	r.text = append(r.text, ']')
	return r
}

// RenderItem renders one item as an object.
func RenderItem(it Item) *Rendering {
	text, base := it.appendTodo(nil)
	return &Rendering{text, []int{base}}
}

// Size returns the length of the JSON with this base.
func (r *Rendering) Size(base string) int { return len(r.text) + len(r.bases)*len(base) }

// Append appends the JSON. An item's url is base followed by its UID; base must
// need no escaping in JSON.
func (r *Rendering) Append(dst []byte, base string) []byte {
	from := 0
	for _, at := range r.bases {
		dst = append(dst, r.text[from:at]...)
		dst = append(dst, base...)
		from = at
	}
	return append(dst, r.text[from:]...)
}

// Reader returns a reader of the JSON of [Rendering.Append]. It does not keep the
// whole JSON in memory.
func (r *Rendering) Reader(base string) *RenderingReader {
	return &RenderingReader{r: r, base: []byte(base)}
}

// RenderingReader reads a rendering.
type RenderingReader struct {
	r    *Rendering
	base []byte
	// next is the index of the next part; parts of text and bases alternate.
	next int
	part []byte
}

// Read implements [io.Reader].
func (rd *RenderingReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(rd.part) == 0 && !rd.advance() {
			break
		}
		m := copy(p[n:], rd.part)
		rd.part = rd.part[m:]
		n += m
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo implements [io.WriterTo]. It writes pieces of 32 KiB.
func (rd *RenderingReader) WriteTo(w io.Writer) (n int64, err error) {
	piece := make([]byte, 32<<10)
	for {
		m, err := rd.Read(piece)
		if m > 0 {
			m, err := w.Write(piece[:m])
			n += int64(m)
			if err != nil {
				return n, err
			}
		}
		if err != nil {
			return n, nil //nolint:nilerr // io.EOF is the only error of Read
		}
	}
}

func (rd *RenderingReader) advance() bool {
	i := rd.next
	if i > 2*len(rd.r.bases) {
		return false
	}
	rd.next++
	if i%2 == 1 {
		rd.part = rd.base
		return true
	}
	from, to := 0, len(rd.r.text)
	if i > 0 {
		from = rd.r.bases[i/2-1]
	}
	if i/2 < len(rd.r.bases) {
		to = rd.r.bases[i/2]
	}
	rd.part = rd.r.text[from:to]
	return true
}

// appendTodo appends the item and returns the offset of its URL.
func (it *Item) appendTodo(dst []byte) (_ []byte, base int) {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, it.UID...)
	dst = append(dst, '"')
	dst = appendContent(dst, it)
	dst = append(dst, `,"order":`...)
	dst = appendOrder(dst, it.Order)
	dst = append(dst, `,"url":"`...)
	base = len(dst)
	dst = append(dst, it.UID...)
	return append(dst, `"}`...), base
}

func appendOrder(dst []byte, f float64) []byte {
	if n := int64(f); float64(n) == f && n > -1e6 && n < 1e6 {
		return strconv.AppendInt(dst, n, 10) // most orders; 0 for -0, too
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}
