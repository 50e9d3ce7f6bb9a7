//go:build torture

package torture

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type kind uint8

const (
	create kind = iota
	retitle
	complete
	remove
	completeAll
	clearCompleted
)

func (k kind) String() string {
	return [...]string{"create", "retitle", "complete", "remove", "completeAll", "clearCompleted"}[k]
}

// everywhere reports whether the operation changes all items of a list.
func (k kind) everywhere() bool { return k >= completeAll }

// operation is a client's operation on a list.
type operation struct {
	kind      kind
	completed bool
	existed   bool   // a create was answered with an existing item
	uid       string // "" until the server has named it
	title     string
	key       string // its Idempotency-Key

	began  time.Time
	before uint64 // the highest revision known then
	again  bool   // it was sent more than once

	request, place uint32 // its request, and its place in it
	revision       uint64 // in which it took effect
}

func (o *operation) String() string {
	return fmt.Sprintf("%v %q of item %s in revision %d", o.kind, o.title, o.uid, o.revision)
}

// apply returns the item after the operation, or false if the operation cannot
// succeed on it.
func (o *operation) apply(uid string, it item) (item, bool) {
	there := it.title != ""
	switch o.kind {
	case create:
		if there {
			return it, o.existed || it.title == o.title
		}
		return item{title: o.title}, true
	case retitle:
		it.title = o.title
		return it, there
	case complete:
		it.completed = o.completed
		return it, there
	case remove:
		return item{}, there
	case completeAll:
		if there {
			it.completed = o.completed
		}
		return it, true
	default:
		if it.completed {
			return item{}, true
		}
		return it, true
	}
}

// refusal is an operation that was refused because its item is missing.
type refusal struct {
	uid       string
	low, high uint64 // the revisions at which it may have happened
}

// view is the list in the answer to a read.
type view struct {
	revision uint64
	shows    digest
}

// history is what clients know of a list.
type history struct {
	number int // of the list
	name   string
	acked  atomic.Uint64 // highest revision that was acknowledged or read

	mu         sync.Mutex
	done       []*operation
	unknown    []*operation // given up, or answered without a revision
	refusals   []refusal
	views      []view
	violations []violation
}

type violation struct {
	kind string // "lost", "duplicated" or "stale"
	text string
}

func (h *history) violate(kind, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violations = append(h.violations, violation{kind, h.name + ": " + fmt.Sprintf(format, args...)})
}

// heard raises the revision that requests from now on must see.
func (h *history) heard(revision uint64) {
	for {
		now := h.acked.Load()
		if revision <= now || h.acked.CompareAndSwap(now, revision) {
			return
		}
	}
}

// judge replays a list's revisions in their order and returns all violations. Its
// time is proportional to the number of operations.
func (h *history) judge(l *listCommits) []violation {
	h.mu.Lock()
	found := h.violations
	h.mu.Unlock()
	violate := func(kind, format string, args ...any) {
		found = append(found, violation{kind, h.name + ": " + fmt.Sprintf(format, args...)})
	}
	for _, text := range l.twice {
		violate("lost", "%s", text)
	}
	if len(l.early) > 0 {
		violate("lost", "revision %d is missing", len(l.revisions)+1)
	}
	last := uint64(len(l.revisions))
	byRevision := make([][]*operation, last+1)
	for _, op := range h.done {
		if op.revision < 1 && !op.kind.everywhere() || op.revision > last {
			violate("lost", "%v: the store has %d revisions", op, last)
			continue
		}
		byRevision[op.revision] = append(byRevision[op.revision], op)
	}
	unknown := make(map[string][]*operation) // by item, or by title where that is not known; "" for those everywhere
	for _, op := range h.unknown {
		uid := op.uid
		switch {
		case op.kind.everywhere():
			uid = ""
		case uid == "":
			uid = "named " + op.title
		}
		unknown[uid] = append(unknown[uid], op)
	}
	var (
		now    = make(map[string]item)
		titles = make(map[string]uint64) // the revision that each came up in
		lives  = make(map[string][]life)
		ends   = make(map[string][]uint64)   // revisions that an item was removed in, though it may be back in them
		used   = make(map[*operation]uint64) // the revision that each of the unknown landed in
	)
	for r := uint64(1); r <= last; r++ {
		c := l.revisions[r-1]
		changed := make(map[string]item, len(c.changes))
		for _, ch := range c.changes {
			changed[ch.uid] = ch.after
		}
		touched := make(map[string]bool, len(changed))
		for uid := range changed {
			touched[uid] = true
		}
		for _, op := range byRevision[r] {
			if op.kind == remove || op.kind == clearCompleted {
				ends[op.uid] = append(ends[op.uid], r)
			}
			if !op.kind.everywhere() {
				touched[op.uid] = true
				continue
			}
			for uid := range now {
				touched[uid] = true
			}
		}
		for uid := range touched {
			before := now[uid]
			after, ok := changed[uid]
			if !ok {
				after = before
			}
			if again, ok := titles[after.title]; ok && after.title != "" && after.title != before.title {
				violate("duplicated", "%q came up in revision %d and again in %d", after.title, again, r)
			}
			if after.title != "" {
				if _, ok := titles[after.title]; !ok {
					titles[after.title] = r
				}
			}
			if text := explain(r, uid, before, after, byRevision[r], unknown, used); text != "" {
				kind := "lost"
				if !slices.ContainsFunc(byRevision[r], func(op *operation) bool { return op.uid == uid || op.kind.everywhere() }) {
					kind = "duplicated" // no client was told what happened to it here
				}
				violate(kind, "revision %d: item %s was %+v and is %+v; %s", r, uid, before, after, text)
			}
			if (before.title == "") != (after.title == "") {
				lives[uid] = append(lives[uid], life{r, after.title != ""})
			}
		}
		for uid, it := range changed {
			if it.title == "" {
				delete(now, uid)
			} else {
				now[uid] = it
			}
		}
	}
	for _, v := range h.views {
		var want digest
		if v.revision > 0 && v.revision <= last {
			want = l.revisions[v.revision-1].after
		}
		if v.revision > last || v.shows != want {
			violate("lost", "a read shows %d items at revision %d of %d, which were never stored together", v.shows.n, v.revision, last)
		}
	}
	for _, ref := range h.refusals {
		high := min(ref.high, last)
		if !missing(lives[ref.uid], ref.low, high) && !within(ends[ref.uid], ref.low, high) && !within(ends[""], ref.low, high) {
			violate("stale", "item %s was said to be missing, but is there from revision %d to %d", ref.uid, ref.low, high)
		}
	}
	return found
}

// life is the beginning or the end of an item.
type life struct {
	revision uint64
	there    bool
}

// missing reports whether the list lacks an item at any revision from low to high.
func missing(lives []life, low, high uint64) bool {
	at, _ := slices.BinarySearchFunc(lives, low, func(l life, r uint64) int { return cmp.Compare(l.revision, r+1) })
	there := at > 0 && lives[at-1].there
	for ; there && at < len(lives) && lives[at].revision <= high; at++ {
		there = lives[at].there
	}
	return !there
}

// within reports whether any of the sorted revisions is in (low, high].
func within(revisions []uint64, low, high uint64) bool {
	i, _ := slices.BinarySearch(revisions, low+1)
	return i < len(revisions) && revisions[i] <= high
}

// explain searches for an order of a revision's requests that turns before into after.
// The operations of a request follow one another, in their order; those with unknown
// outcome may have taken effect in between, each once. It returns "" if it finds one.
func explain(r uint64, uid string, before, after item, ops []*operation, unknown map[string][]*operation, used map[*operation]uint64) string {
	requests := make(map[uint32][]*operation)
	for _, op := range ops {
		if op.uid == uid || op.kind.everywhere() {
			requests[op.request] = append(requests[op.request], op)
		}
	}
	for _, request := range requests {
		slices.SortFunc(request, func(a, b *operation) int { return cmp.Compare(a.place, b.place) })
	}
	acknowledged := slices.Collect(maps.Values(requests))
	if _, ok := order(uid, before, after, acknowledged, nil); ok {
		return ""
	}
	var others [][]*operation
	for _, op := range slices.Concat(unknown[uid], unknown["named "+after.title], unknown[""]) {
		if at := used[op]; at == 0 || at == r && op.kind.everywhere() {
			others = append(others, []*operation{op})
		}
	}
	took, ok := order(uid, before, after, acknowledged, others)
	if !ok {
		return fmt.Sprint("acknowledged there: ", acknowledged)
	}
	for _, request := range took {
		used[request[0]] = r
	}
	return ""
}

// effect is the effect of equal requests on an item. The search counts them, so that a
// revision with dozens of "complete all" has few orders to try.
type effect struct {
	next         []int // for each form of the item, the form after the request; -1 where it fails
	acknowledged int
	others       [][]*operation
	least, most  int // uses
}

// order searches for an order of requests that turns before into after. It uses all of
// acknowledged and as few as it can of others, and returns those.
func order(uid string, before, after item, acknowledged, others [][]*operation) (took [][]*operation, ok bool) {
	// The search knows an item's title only if an outcome depends on it.
	titles := map[string]bool{"?": true, after.title: true}
	lives := 1
	for _, op := range slices.Concat(slices.Concat(acknowledged, others)...) {
		if op.kind == create {
			titles[op.title] = true
			lives++
		}
	}
	delete(titles, "")
	forms := []item{{}}
	for title := range titles {
		forms = append(forms, item{title: title}, item{title: title, completed: true})
	}
	form := func(it item) int { // the server chooses an item's place
		if it.title != "" && !titles[it.title] {
			it.title = "?"
		}
		return slices.Index(forms, item{title: it.title, completed: it.completed})
	}

	effects := make(map[string]*effect)
	of := func(request []*operation) *effect {
		var e effect
		for _, it := range forms {
			next, ok := it, true
			for _, op := range request {
				if ok {
					next, ok = op.apply(uid, next)
				}
			}
			if ok {
				e.next = append(e.next, form(next))
			} else {
				e.next = append(e.next, -1)
			}
		}
		key := fmt.Sprint(e.next)
		if effects[key] == nil {
			effects[key] = &e
		}
		return effects[key]
	}
	for _, request := range acknowledged {
		of(request).acknowledged++
	}
	for _, request := range others {
		e := of(request)
		e.others = append(e.others, request)
	}
	all := slices.Collect(maps.Values(effects))
	for _, e := range all {
		e.least, e.most = e.acknowledged, e.acknowledged+len(e.others)
		if !slices.ContainsFunc(e.next, func(next int) bool { return next >= 0 && e.next[next] != next }) {
			// A second one changes nothing, so that the rest may follow the first one. In
			// each life of an item it is needed at most twice.
			e.least, e.most = min(e.least, 1), min(e.most, 2*lives)
		}
	}

	// The first byte of a position is the item's form, the others count the uses of each effect.
	queue := []string{string([]byte{byte(form(before))}) + strings.Repeat("\x00", len(all))}
	seen := map[string]bool{queue[0]: true}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		ok := int(at[0]) == form(after)
		for i, e := range all {
			ok = ok && int(at[1+i]) >= e.least
		}
		if ok {
			for i, e := range all {
				took = append(took, e.others[:max(0, int(at[1+i])-e.acknowledged)]...)
			}
			return took, true
		}
		for i, e := range all {
			if int(at[1+i]) == e.most || e.next[at[0]] < 0 {
				continue
			}
			next := []byte(at)
			next[0] = byte(e.next[at[0]])
			next[1+i]++
			if !seen[string(next)] {
				seen[string(next)] = true
				queue = append(queue, string(next))
			}
		}
	}
	return nil, false
}

// Servers that wait for their store write many operations in one revision.
func TestExplainManyOperations(t *testing.T) {
	var ops []*operation
	for n := range uint32(60) {
		ops = append(ops, &operation{kind: []kind{completeAll, completeAll, clearCompleted}[n%3], completed: n%3 == 0, request: n})
	}
	for n := range uint32(60) {
		ops = append(ops, &operation{kind: retitle, uid: "uid", title: fmt.Sprint("title ", n), request: 60 + n})
	}
	open, done := item{title: "x"}, item{title: "x", completed: true}
	for name, test := range map[string]struct {
		before, after item
		explained     bool
	}{
		"completed last": {open, item{title: "title 7", completed: true}, true},
		"cleared":        {open, item{}, true},
		"missing before": {item{}, item{}, false},
		"not renamed":    {open, done, false},
		"another title":  {open, item{title: "y"}, false},
	} {
		got := explain(1, "uid", test.before, test.after, ops, nil, nil)
		if (got == "") != test.explained {
			t.Errorf("%s: got %.80q, want an explanation: %t", name, got, test.explained)
		}
	}
}

// TestOrder compares the search with one that tries all orders.
func TestOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	form := func() item {
		return []item{{}, {title: "a"}, {title: "b"}, {title: "b", completed: true}, {title: "c"}}[random.IntN(5)]
	}
	found := 0
	for range 20_000 {
		var requests [2][][]*operation
		for n := range 1 + random.IntN(5) {
			request := []*operation{{kind: kind(random.IntN(6)), completed: random.IntN(2) == 0, title: string(rune('a' + random.IntN(3)))}}
			if n == 0 {
				request = append(request, &operation{kind: clearCompleted})
			}
			kind := random.IntN(2)
			requests[kind] = append(requests[kind], request)
		}
		before, after := form(), form()
		took, got := order("uid", before, after, requests[0], requests[1])
		if want := tryAll(before, after, requests[0], requests[1]); got != want {
			t.Fatalf("from %+v to %+v by all of %v and some of %v: got %t, want %t", before, after, requests[0], requests[1], got, want)
		}
		if got {
			found++
			if !tryAll(before, after, slices.Concat(requests[0], took), nil) {
				t.Fatalf("from %+v to %+v by all of %v and %v: no order does that", before, after, requests[0], took)
			}
		}
	}
	if found < 1000 {
		t.Errorf("got %d orders, want at least 1000", found)
	}
}

func tryAll(at, after item, acknowledged, others [][]*operation) bool {
	if len(acknowledged) == 0 && at == after {
		return true
	}
	for group, requests := range [][][]*operation{acknowledged, others} {
		for i, request := range requests {
			next, ok := at, true
			for _, op := range request {
				if ok {
					next, ok = op.apply("uid", next)
				}
			}
			if !ok {
				continue
			}
			rest := [][][]*operation{acknowledged, others}
			rest[group] = slices.Delete(slices.Clone(requests), i, i+1)
			if tryAll(next, after, rest[0], rest[1]) {
				return true
			}
		}
	}
	return false
}
