package diskstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// disk is a directory in memory that knows what a power cut would leave: of a
// file what was synced, or anything between nothing and all of what was
// written since; of the directory what was synced, and of the changes since any
// subset, because file systems do not promise their order.
type disk struct {
	mu      sync.Mutex
	entries map[string]*inode
	synced  map[string]*inode
	since   []entryChange
	steps   []string
	files   uint64 // that have a number
	// fault is asked before each step, the first being step 1.
	fault func(n int, step string) error
	// Switches that remove what a store relies on.
	dropFileSync, dropDirectorySync bool
	misuse                          []string
	lastDirectorySync               error
}

type inode struct {
	data, synced []byte
	number       uint64 // of the file, set by Mark
	changes      int64
}

// entryChange sets name to node, or removes it, and removes from.
type entryChange struct {
	name, from string
	node       *inode
}

func newDisk(files map[string]string) *disk {
	d := &disk{entries: make(map[string]*inode)}
	for name, body := range files {
		d.entries[name] = &inode{data: []byte(body), synced: []byte(body)}
	}
	d.synced = maps.Clone(d.entries)
	return d
}

// step counts a step and returns the error that the test has for it; the
// caller holds d.mu.
func (d *disk) step(format string, args ...any) error {
	d.steps = append(d.steps, fmt.Sprintf(format, args...))
	if d.fault == nil {
		return nil
	}
	return d.fault(len(d.steps), d.steps[len(d.steps)-1])
}

func (d *disk) change(c entryChange) {
	d.since = append(d.since, c)
	apply(d.entries, c)
}

func apply(entries map[string]*inode, c entryChange) {
	delete(entries, c.from)
	if c.node != nil {
		entries[c.name] = c.node
	}
}

// powerCut returns what a restart finds.
func (d *disk) powerCut(random *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk(nil)
	found := maps.Clone(d.synced)
	for _, c := range d.since {
		if random.IntN(2) == 0 {
			apply(found, c)
		}
	}
	for name, node := range found {
		data := node.synced
		if !bytes.Equal(node.data, node.synced) {
			switch random.IntN(4) {
			case 0:
				data = node.data[:random.IntN(len(node.data)+1)]
			case 2: // some of what was overwritten
				n := random.IntN(min(len(node.data), len(node.synced)) + 1)
				data = slices.Concat(node.data[:n], node.synced[n:])
			case 1:
				data = node.data
			}
		}
		after.entries[name] = &inode{data: slices.Clone(data), synced: slices.Clone(data)}
	}
	after.synced = maps.Clone(after.entries)
	return after
}

// temps returns the temporary files that are there.
func (d *disk) temps() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var temps []string
	for name := range d.entries {
		if strings.HasPrefix(name, tempPrefix) {
			temps = append(temps, name)
		}
	}
	return temps
}

func (d *disk) Read(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("read %s", name); err != nil {
		return nil, err
	}
	node, ok := d.entries[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return append([]byte{}, node.data...), nil
}

func (d *disk) Mark(name string) (m mark, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	node, ok := d.entries[name]
	if !ok {
		return mark{}, false
	}
	if node.number == 0 {
		d.files++
		node.number = d.files
	}
	return mark{file: node.number, size: int64(len(node.data)), modified: node.changes}, true
}

func (d *disk) Create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("create %s", name); err != nil {
		return nil, err
	}
	if d.entries[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	node := &inode{}
	d.change(entryChange{name: name, node: node})
	return &openFile{disk: d, node: node, name: name}, nil
}

func (d *disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("rename %s to %s", from, to); err != nil {
		return err
	}
	node, ok := d.entries[from]
	if !ok {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	d.change(entryChange{name: to, from: from, node: node})
	return nil
}

// Exchange may be cut in two by a power cut, which file systems with a journal prevent.
func (d *disk) Exchange(one, other string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("exchange %s and %s", one, other); err != nil {
		return false, err
	}
	a, b := d.entries[one], d.entries[other]
	if a == nil || b == nil {
		return false, &fs.PathError{Op: "exchange", Path: one + " and " + other, Err: fs.ErrNotExist}
	}
	d.change(entryChange{name: other, node: a})
	d.change(entryChange{name: one, node: b})
	return true, nil
}

func (d *disk) Overwrite(name string, size int) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("overwrite %s", name); err != nil {
		return nil, err
	}
	node := d.entries[name]
	if node == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	node.data = slices.Clone(node.data[:min(size, len(node.data))])
	return &openFile{disk: d, node: node, name: name}, nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("remove %s", name); err != nil {
		return err
	}
	if d.entries[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	d.change(entryChange{from: name})
	return nil
}

func (d *disk) Names() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("list"); err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(d.entries)), nil
}

func (d *disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lastDirectorySync != nil && len(d.since) == 0 {
		d.misuse = append(d.misuse, "the directory was synced again after an error, without a change since")
	}
	d.lastDirectorySync = d.step("sync directory")
	if d.lastDirectorySync != nil {
		// What the kernel does: the changes are forgotten as things to write.
		d.since = nil
		return d.lastDirectorySync
	}
	if !d.dropDirectorySync {
		d.synced = maps.Clone(d.entries)
		d.since = nil
	}
	return nil
}

func (d *disk) Check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.step("check")
}

func (d *disk) TryWrite() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.step("try to write")
}

func (d *disk) Close() error { return nil }

type openFile struct {
	disk   *disk
	node   *inode
	name   string
	failed bool
}

func (f *openFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	err := f.disk.step("write %s", f.name)
	if err != nil {
		p = p[:len(p)/2]
	}
	f.node.data = append(slices.Clone(p), f.node.data[min(len(p), len(f.node.data)):]...)
	f.node.changes++
	return len(p), err
}

func (f *openFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.failed {
		f.disk.misuse = append(f.disk.misuse, f.name+" was synced again after an error")
	}
	if err := f.disk.step("sync %s", f.name); err != nil {
		f.failed = true
		return err
	}
	if !f.disk.dropFileSync {
		f.node.synced = slices.Clone(f.node.data)
	}
	return nil
}

func (f *openFile) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.node == nil {
		return errors.New("closed twice")
	}
	return f.disk.step("close %s", f.name)
}
