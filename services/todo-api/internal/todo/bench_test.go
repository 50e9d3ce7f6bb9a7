package todo

import (
	"fmt"
	"testing"
)

// BenchmarkForms measures decoding and encoding lists of 20 and 5,000 items in
// the stored form and in the v1 form.
func BenchmarkForms(b *testing.B) {
	for _, n := range []int{20, 5000} {
		items := make([]Item, n)
		for i := range items {
			items[i] = Item{UID: fmt.Sprintf("0199c0de-0000-7000-8000-%012d", i), ID: int64(i), Title: fmt.Sprintf("item %d of a long list", i), Order: float64(i)}
		}
		l := NewList(items)
		for _, form := range []struct {
			name   string
			text   []byte
			decode func([]byte) (List, error)
			encode func(dst []byte) []byte
		}{
			{"stored", l.AppendList(nil), DecodeList, l.AppendList},
			{"v1", l.AppendState(nil), DecodeV1, l.AppendState},
		} {
			b.Run(fmt.Sprintf("decode/%s/%d", form.name, n), func(b *testing.B) {
				b.SetBytes(int64(len(form.text)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := form.decode(form.text); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("encode/%s/%d", form.name, n), func(b *testing.B) {
				b.SetBytes(int64(len(form.text)))
				b.ReportAllocs()
				buffer := make([]byte, 0, len(form.text))
				for b.Loop() {
					buffer = form.encode(buffer[:0])
				}
			})
		}
	}
}
