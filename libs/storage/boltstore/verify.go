package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// verify returns an error unless the two meta pages of a bbolt file are valid and
// every other page is in use once or free. bbolt itself checks neither: without the
// newer meta page it opens the state before the last commit, and it follows every
// page number, in a cycle until the process dies, outside the file into a fault.
// The format is that of bbolt's internal/common.
func verify(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = verifyPages(f, info.Size())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

func verifyPages(f io.ReaderAt, size int64) error {
	first, err := readMeta(f, 0)
	if err != nil {
		return fmt.Errorf("meta page 0: %w", err)
	}
	m, err := readMeta(f, first.pageSize)
	if err != nil {
		return fmt.Errorf("meta page 1: %w", err)
	}
	if first.commit > m.commit {
		m = first
	}
	if size/m.pageSize < m.pages {
		return fmt.Errorf("the file has %d bytes, its %d pages have %d each", size, m.pages, m.pageSize)
	}
	v := verifier{file: f, pageSize: m.pageSize, seen: make([]bool, m.pages)}
	if err := v.tree(m.root); err != nil {
		return err
	}
	if m.free == noFreePages {
		return nil
	}
	if err := v.free(m.free); err != nil {
		return err
	}
	for id := int64(2); id < m.pages; id++ {
		if !v.seen[id] {
			return fmt.Errorf("page %d is neither in use nor free", id)
		}
	}
	return nil
}

const (
	headBytes   = 16 // of a page, an element, or a bucket
	metaBytes   = 64
	magic       = 0xED0CDAED
	noFreePages = -1 // as the number of the page that lists the free ones

	branchPage, leafPage, freePage = 1, 2, 16
)

type meta struct{ pageSize, root, free, pages, commit int64 }

func readMeta(f io.ReaderAt, at int64) (meta, error) {
	b := make([]byte, metaBytes)
	if _, err := f.ReadAt(b, at+headBytes); err != nil {
		return meta{}, err
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaBytes-8]) // never fails
	if uint32At(b, 0) != magic || sum.Sum64() != binary.NativeEndian.Uint64(b[metaBytes-8:]) {
		return meta{}, fmt.Errorf("its checksum does not match: the last commit may be missing")
	}
	return meta{uint32At(b, 8), int64At(b, 16), int64At(b, 32), int64At(b, 40), int64At(b, 48)}, nil
}

func uint32At(b []byte, i int) int64 { return int64(binary.NativeEndian.Uint32(b[i:])) }

func int64At(b []byte, i int) int64 { return int64(binary.NativeEndian.Uint64(b[i:])) } //nolint:gosec // the range of a page number is checked

type verifier struct {
	file     io.ReaderAt
	pageSize int64
	seen     []bool
}

// see records that n pages from id are in use.
func (v *verifier) see(id, n int64) error {
	for ; n > 0; id, n = id+1, n-1 {
		if id < 2 || id >= int64(len(v.seen)) {
			return fmt.Errorf("page %d is not among its %d pages", id, len(v.seen))
		}
		if v.seen[id] {
			return fmt.Errorf("page %d is in use twice", id)
		}
		v.seen[id] = true
	}
	return nil
}

// page returns the kind, the number of elements and the offset and size of a page.
func (v *verifier) page(id int64) (kind, count, at, size int64, err error) {
	if err := v.see(id, 1); err != nil {
		return 0, 0, 0, 0, err
	}
	at = id * v.pageSize
	head := make([]byte, headBytes)
	if _, err := v.file.ReadAt(head, at); err != nil {
		return 0, 0, 0, 0, err
	}
	if own := int64At(head, 0); own != id {
		return 0, 0, 0, 0, fmt.Errorf("page %d says that it is page %d", id, own)
	}
	more := uint32At(head, 12)
	kind, count = kindAndCount(head)
	return kind, count, at, (more + 1) * v.pageSize, v.see(id+1, more)
}

func kindAndCount(head []byte) (kind, count int64) {
	return int64(binary.NativeEndian.Uint16(head[8:])), int64(binary.NativeEndian.Uint16(head[10:]))
}

// tree verifies the page and those below it.
func (v *verifier) tree(id int64) error {
	kind, count, at, size, err := v.page(id)
	if err == nil {
		err = v.elements(kind, count, at, size)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements verifies the elements of a page, or of a small bucket that is within a
// value. bbolt writes their keys and values one after the other.
func (v *verifier) elements(kind, count, at, size int64) error {
	if kind != branchPage && kind != leafPage {
		return fmt.Errorf("its kind is %d", kind)
	}
	elements := make([]byte, headBytes*count)
	if _, err := v.file.ReadAt(elements, at+headBytes); err != nil {
		return err
	}
	next := at + headBytes*(1+count) // where the next key is
	for i := range count {
		e := elements[headBytes*i:]
		position, key, value := uint32At(e, 0), uint32At(e, 4), int64(0)
		if kind == leafPage {
			position, key, value = uint32At(e, 4), uint32At(e, 8), uint32At(e, 12)
		}
		if at+headBytes*(1+i)+position != next || next+key+value > at+size {
			return fmt.Errorf("its element %d is out of place", i)
		}
		var err error
		switch {
		case kind == branchPage:
			err = v.tree(int64At(e, 8))
		case uint32At(e, 0) != 0:
			err = v.bucket(next+key, value)
		}
		if err != nil {
			return err
		}
		next += key + value
	}
	return nil
}

// bucket verifies the bucket in a value.
func (v *verifier) bucket(at, size int64) error {
	head := make([]byte, 2*headBytes)
	n, err := v.file.ReadAt(head[:min(size, 2*headBytes)], at)
	if err != nil {
		return err
	}
	if root := int64At(head, 0); root != 0 {
		return v.tree(root)
	}
	if n < len(head) {
		return fmt.Errorf("a bucket has %d bytes", n)
	}
	kind, count := kindAndCount(head[headBytes:])
	return v.elements(kind, count, at+headBytes, size-headBytes)
}

// free verifies the list of free pages.
func (v *verifier) free(id int64) error {
	kind, count, at, size, err := v.page(id)
	if err == nil && kind != freePage {
		err = fmt.Errorf("its kind is %d", kind)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	list := make([]byte, size-headBytes)
	if _, err := v.file.ReadAt(list, at+headBytes); err != nil {
		return err
	}
	if count == 0xFFFF { // the first number is the length
		count, list = int64At(list, 0), list[8:]
	}
	if count < 0 || count > int64(len(list)/8) {
		return fmt.Errorf("page %d lists %d free pages", id, count)
	}
	for i := range int(count) {
		if err := v.see(int64At(list, 8*i), 1); err != nil {
			return err
		}
	}
	return nil
}
