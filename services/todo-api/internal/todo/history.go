package todo

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxRemovals is the maximum number of removals that a list keeps.
	MaxRemovals = 32
	// MaxRemovedBytes is the maximum stored size of all removals of a list. The
	// latest removal is kept whatever its size.
	MaxRemovedBytes = 16 << 10
)

// Removal holds the items that one operation removed or changed.
type Removal struct {
	// Revision is the list's revision after the operation.
	Revision uint64
	At       time.Time
	// Kind is the kind of the operation.
	Kind string
	// By is the name of the person, or "" if unknown.
	By string
	// Items are the items before the operation.
	Items []Item

	size int // see bytes; 0 if not known
}

// WithRemoval returns the list with one more removal. It drops the oldest
// removals beyond [MaxRemovals] and [MaxRemovedBytes].
func (l List) WithRemoval(r Removal) List {
	old := l.Removed[max(0, len(l.Removed)+1-MaxRemovals):]
	kept := append(append(make([]Removal, 0, len(old)+1), old...), r)
	size := 0
	for i := len(kept) - 1; i >= 0; i-- {
		kept[i].size = kept[i].bytes() // for the next operation
		if size += kept[i].size; size > MaxRemovedBytes && i < len(kept)-1 {
			kept = kept[i+1:]
			break
		}
	}
	l.Removed = kept
	return l
}

// bytes returns the length of the removal as it is stored, or, if that is more
// than MaxRemovedBytes, any such length.
func (r *Removal) bytes() int {
	if r.size > 0 {
		return r.size
	}
	least := 0
	for i := range r.Items {
		if least += len(r.Items[i].UID) + len(r.Items[i].Title); least > MaxRemovedBytes {
			return least
		}
	}
	return len(appendRemoval(nil, r))
}

// RemovedSince returns the list without the removals before limit. Their times
// need not be in order, since clocks are set.
func (l List) RemovedSince(limit time.Time) List {
	expired := func(r Removal) bool { return r.At.Before(limit) }
	if slices.ContainsFunc(l.Removed, expired) {
		l.Removed = slices.DeleteFunc(slices.Clone(l.Removed), expired)
	}
	return l
}

func appendRemoval(dst []byte, r *Removal) []byte {
	dst = append(dst, `{"rev":`...)
	dst = strconv.AppendUint(dst, r.Revision, 10)
	dst = append(dst, `,"at":"`...)
	dst = r.At.AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","kind":`...)
	dst, _ = jsontext.AppendQuote(dst, r.Kind) // see appendContent
	if r.By != "" {
		dst = append(dst, `,"by":`...)
		dst, _ = jsontext.AppendQuote(dst, r.By)
	}
	dst = append(dst, `,"items":`...)
	return append(AppendItems(dst, r.Items), '}')
}

// DecodeRemovals decodes removals in the form that was stored beside the list
// until 2026-11-29.
func DecodeRemovals(body []byte) ([]Removal, error) {
	d := newDecoder(body)
	removals := d.removals()
	return removals, d.end()
}

func (d *decoder) removals() (removals []Removal) {
	d.array(func(int) {
		var r Removal
		d.object("a removal", []string{"rev", "at", "kind", "items", "by"}, 4, refuseOthers, func(name string) {
			switch name {
			case "rev":
				r.Revision = d.revision()
			case "at":
				r.At = d.time()
			case "kind":
				r.Kind, _ = d.text("a string")
			case "by":
				r.By, _ = d.text("a string")
			case "items":
				r.Items = d.items()
			}
		})
		removals = append(removals, r)
	})
	return removals
}

func (d *decoder) time() time.Time {
	const what = "a time such as 2006-01-02T15:04:05Z"
	s, ok := d.text(what)
	t, err := time.Parse(time.RFC3339, s)
	if ok && err != nil {
		d.problem("expected %s", what)
	}
	return t
}
