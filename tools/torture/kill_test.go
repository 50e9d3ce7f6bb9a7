//go:build torture

package torture

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKill9: a server that keeps lists on disk is killed while it writes, over
// and over. What it acknowledged is there, once; what was under way is there
// or not, and its repetition makes no second.
func TestKill9(t *testing.T) {
	for _, scheme := range []string{"file", "bolt"} {
		t.Run(scheme, func(t *testing.T) {
			dir := t.TempDir()
			store := scheme + "://" + filepath.Join(dir, "store")
			k := &killing{t: t, dice: rand.New(rand.NewPCG(chosen.seed, 9))}
			k.users = newUsers(chosen.seed, 1, func() []string { return []string{k.server.url} })
			k.patient = true
			t.Cleanup(k.http.CloseIdleConnections)
			for range 8 {
				k.writers = append(k.writers, &writer{client: k.client(len(k.writers))})
			}
			began := time.Now()
			for cycle := range chosen.cycles {
				if cycle%50 == 49 {
					t.Logf("%d of %d kills, %d acknowledged, %d under way when killed", cycle, chosen.cycles, k.acks, k.underWay)
				}
				k.server = startServer(t, store)
				k.look()
				k.work()
				if scheme == "file" {
					whole(t, filepath.Join(dir, "store"))
				}
			}
			k.server = startServer(t, store)
			for _, l := range append(k.old, k.list) {
				k.check(l)
			}
			k.server.stop()
			t.Logf("TORTURE_SEED=%d: %d kills in %v, %d writes acknowledged in %d lists, %d under way when killed of which %d had landed; lost %d, duplicated %d",
				chosen.seed, chosen.cycles, time.Since(began).Round(100*time.Millisecond), k.acks, len(k.old)+1, k.underWay, k.landed, k.lost, k.duplicated)
			if k.underWay < chosen.cycles {
				t.Errorf("got %d writes under way at %d kills, want one at each at least", k.underWay, chosen.cycles)
			}
		})
	}
}

// killing is the story of a server that is killed.
type killing struct {
	*users
	t       *testing.T
	dice    *rand.Rand
	server  *server
	writers []*writer
	list    *killedList
	old     []*killedList

	acks, underWay, landed, lost, duplicated int
}

// killedList is what a list must have.
type killedList struct {
	name     string
	revision uint64          // the highest acknowledged
	titles   map[string]bool // of what was acknowledged
}

// writer has one request under way at a time.
type writer struct {
	*client
	open  *operation // not answered yet
	acked []*operation
}

// look checks what a start finds, and settles what was under way.
func (k *killing) look() {
	if k.list == nil {
		k.list = &killedList{name: "list-0", titles: make(map[string]bool)}
	}
	there := k.check(k.list)
	for _, w := range k.writers {
		if w.open == nil {
			continue
		}
		if there[w.open.title] > 0 {
			k.landed++
		}
		if err := w.send(k.list.name); err != nil {
			k.t.Errorf("a repetition: got %v, want an acknowledgement", err)
		}
	}
	k.gather()
	k.check(k.list)
	if len(k.list.titles) > 1500 {
		k.old = append(k.old, k.list)
		k.list = &killedList{name: fmt.Sprintf("list-%d", len(k.old)), titles: make(map[string]bool)}
	}
}

// work lets everybody write, and kills the server after some answers.
func (k *killing) work() {
	var group sync.WaitGroup
	var answers, sent atomic.Int64
	enough := int64(1 + k.dice.IntN(60))
	reached := make(chan struct{})
	var once sync.Once
	for _, w := range k.writers {
		group.Go(func() {
			for {
				n := w.titles.Add(1)
				w.open = &operation{kind: create, title: fmt.Sprint("todo ", n), key: fmt.Sprint("key-", n)}
				sent.Add(1)
				if w.send(k.list.name) != nil {
					return
				}
				if answers.Add(1) >= enough {
					once.Do(func() { close(reached) })
				}
			}
		})
	}
	select {
	case <-reached:
	case <-time.After(patience):
		k.t.Errorf("got %d answers in %v, want %d", answers.Load(), patience, enough)
	}
	k.server.kill()
	group.Wait()
	k.underWay += int(sent.Load() - answers.Load())
	k.gather()
}

// gather notes what the writers were told.
func (k *killing) gather() {
	for _, w := range k.writers {
		for _, op := range w.acked {
			k.list.titles[op.title] = true
			k.list.revision = max(k.list.revision, op.revision)
			k.acks++
		}
		w.acked = nil
	}
}

// send sends what is open; an error means that it stays so.
func (w *writer) send(list string) error {
	outcomes, err := w.ask(list, []*operation{w.open})
	if err != nil {
		return err
	}
	if o := outcomes[0]; o.Status != http.StatusCreated {
		return fmt.Errorf("status %d: %s", o.Status, o.Problem.Detail)
	}
	w.open.revision = outcomes[0].Revision
	w.acked = append(w.acked, w.open)
	w.open = nil
	return nil
}

// check compares what the server shows with what it acknowledged, and returns
// how often each title is there.
func (k *killing) check(l *killedList) map[string]int {
	k.t.Helper()
	there := make(map[string]int)
	resp, data, err := k.writers[0].client.send(http.MethodGet, "/api/lists/"+l.name+"/todos", "", nil)
	var list []shown
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(data, &list) != nil {
		k.t.Fatalf("read of %s: got %v, %v, %s, want a list", l.name, resp, err, data)
	}
	if revision, err := revisionOf(resp); err != nil || revision < l.revision {
		k.t.Errorf("%s: got revision %d and %v, want %d at least, which was acknowledged", l.name, revision, err, l.revision)
	}
	for _, it := range list {
		there[it.Title]++
	}
	open := make(map[string]bool)
	for _, w := range k.writers {
		if w.open != nil {
			open[w.open.title] = true
		}
	}
	for title, n := range there {
		if n > 1 {
			k.duplicated++
			k.t.Errorf("%s: got %q %d times, want it once", l.name, title, n)
		}
		if !l.titles[title] && !open[title] {
			k.t.Errorf("%s: got %q, which nobody has written", l.name, title)
		}
	}
	for title := range l.titles {
		if there[title] == 0 {
			k.lost++
			k.t.Errorf("%s: %q was acknowledged and is lost", l.name, title)
		}
	}
	return there
}

// whole checks that every document on the disk is one, also while no server
// has looked after them.
func whole(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Errorf("documents in %s: got %q and %v, want some", dir, files, err)
	}
	for _, name := range files {
		if body, err := os.ReadFile(name); err != nil || !json.Valid(body) {
			t.Errorf("%s: got %v and %.100q, want JSON", filepath.Base(name), err, body)
		}
	}
}
