//go:build torture

package torture

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"sync"
)

// item is a todo without its ID.
type item struct {
	title     string
	completed bool
	order     float64
}

// shown is an item in the API's answers; stored is an item in the store, whose ID is
// in another member.
type shown struct {
	ID        string  `json:"id"`
	Title     string  `json:"title"`
	Completed bool    `json:"completed"`
	Order     float64 `json:"order"`
}

type stored struct {
	UID       string  `json:"uid"`
	Title     string  `json:"title"`
	Completed bool    `json:"completed"`
	Order     float64 `json:"order"`
}

// storedList is a list as it is stored: its items, or an object with them if it
// has a title or a history.
type storedList []stored

func (l *storedList) UnmarshalJSON(text []byte) error {
	if text[0] != '{' {
		return json.Unmarshal(text, (*[]stored)(l))
	}
	var list struct {
		Items []stored `json:"items"`
	}
	err := json.Unmarshal(text, &list)
	*l = list.Items
	return err
}

// digest identifies a list of items.
type digest struct {
	sum uint64
	n   int
}

func (d *digest) add(uid string, it item, n int) {
	h := fnv.New64a()
	h.Write([]byte(uid + "\x00" + it.title + "\x00" + strconv.FormatBool(it.completed) + "\x00" + strconv.FormatUint(math.Float64bits(it.order), 16)))
	d.n += n
	if n > 0 {
		d.sum += h.Sum64()
	} else {
		d.sum -= h.Sum64()
	}
}

func digestOf(list []shown) (d digest) {
	for _, it := range list {
		d.add(it.ID, item{it.Title, it.Completed, it.Order}, 1)
	}
	return d
}

// change is an item before and after a commit. Without a title, the item does not
// exist.
type change struct {
	uid           string
	before, after item
}

// commit is one revision of a list.
type commit struct {
	changes []change
	after   digest
}

// commits holds the documents that the store has accepted, recorded independently of
// the servers.
type commits struct {
	mu    sync.Mutex
	lists map[string]*listCommits
}

type listCommits struct {
	revisions []commit // from revision 1
	now       map[string]item
	digest    digest
	early     map[uint64][]stored // arrived before an earlier revision
	twice     []string
}

func newCommits() *commits { return &commits{lists: make(map[string]*listCommits)} }

func (c *commits) of(list string) *listCommits {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lists[list]
	if l == nil {
		l = &listCommits{now: make(map[string]item), early: make(map[uint64][]stored)}
		c.lists[list] = l
	}
	return l
}

// landed records a document that the store has accepted.
func (c *commits) landed(list string, body []byte) {
	l := c.of(list)
	var doc struct {
		Rev   uint64     `json:"rev"`
		Nonce string     `json:"nonce"`
		Items storedList `json:"items"`
	}
	err := json.Unmarshal(body, &doc)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := l.early[doc.Rev]
	switch {
	case err != nil || doc.Rev == 0 || doc.Nonce == "":
		l.twice = append(l.twice, fmt.Sprintf("the store has accepted an invalid document: %v: %.200q", err, body))
		return
	case doc.Rev <= uint64(len(l.revisions)) || waits:
		l.twice = append(l.twice, fmt.Sprintf("revision %d was written twice", doc.Rev))
		return
	}
	l.early[doc.Rev] = doc.Items
	for {
		next := uint64(len(l.revisions)) + 1
		items, ok := l.early[next]
		if !ok {
			return
		}
		delete(l.early, next)
		l.append(items)
	}
}

func (l *listCommits) append(items []stored) {
	var done commit
	next := make(map[string]item, len(items))
	for _, s := range items {
		it := item{s.Title, s.Completed, s.Order}
		next[s.UID] = it
		before, ok := l.now[s.UID]
		if ok && before == it {
			continue
		}
		if ok {
			l.digest.add(s.UID, before, -1)
		}
		l.digest.add(s.UID, it, 1)
		done.changes = append(done.changes, change{s.UID, before, it})
	}
	for uid, before := range l.now {
		if _, ok := next[uid]; !ok {
			l.digest.add(uid, before, -1)
			done.changes = append(done.changes, change{uid, before, item{}})
		}
	}
	done.after = l.digest
	l.now = next
	l.revisions = append(l.revisions, done)
}
