//go:build torture

package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/server"
)

const (
	// requestTimeout is longer than the servers work on a request.
	requestTimeout = 20 * time.Second
	// persistence is how long a client repeats a request. Lists remember a
	// request for a minute; a later repetition would be a new request.
	persistence = 40 * time.Second
)

// users are clients of the same servers, with their shared state.
type users struct {
	seed      uint64
	ablation  string
	servers   func() []string // addresses, at the moment
	patient   bool            // wait for every answer
	haste     int             // one in haste writes does not wait for its answer
	http      *http.Client
	histories []*history
	items     []*items
	samples   *samples
	batches   int // maximum operations of a batch

	left     atomic.Int64 // operations not yet begun
	requests atomic.Uint32
	titles   atomic.Uint64

	acknowledged, refused, unknown, repeated, replayed, reads, stale, unanswered atomic.Int64
}

func newUsers(seed uint64, lists int, servers func() []string) *users {
	u := &users{
		seed: seed, servers: servers, batches: 20, haste: 20, samples: newSamples(),
		http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1024}},
	}
	for i := range lists {
		u.histories = append(u.histories, &history{number: i, name: fmt.Sprintf("list-%d", i)})
		u.items = append(u.items, &items{})
	}
	return u
}

// items are IDs of items that a list probably has.
type items struct {
	mu      sync.Mutex
	uids    []string
	sampled int // operations on samples
}

func (s *items) add(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uids = append(s.uids, uid); len(s.uids) > 48 {
		s.uids = s.uids[1:]
	}
}

func (s *items) pick(r *rand.Rand, take bool) (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.uids) == 0 {
		return "", 0
	}
	i := r.IntN(len(s.uids))
	uid := s.uids[i]
	if take {
		s.uids = append(s.uids[:i:i], s.uids[i+1:]...)
	}
	return uid, len(s.uids)
}

// sample returns the present sample, the item whose history porcupine checks, and
// all samples so far. Every 200 calls, it chooses a new one.
func (s *items) sample(list int) (string, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sampled++
	var all []string
	for i := 0; i <= s.sampled/200; i++ {
		all = append(all, fmt.Sprintf("sample-%d", i))
	}
	return all[len(all)-1], all
}

// client sends one request at a time.
type client struct {
	*users
	number int
	server int
	dice   *rand.Rand
	seen   map[int]string // the last ETag of each list
}

func (u *users) client(number int) *client {
	return &client{users: u, number: number, server: number, dice: rand.New(rand.NewPCG(u.seed, uint64(number))), seen: make(map[int]string)}
}

// run works until no operations are left, or ctx is done.
func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		list := c.dice.IntN(len(c.histories))
		switch c.dice.IntN(3) {
		case 0:
			c.read(list)
		case 1:
			c.readSample(list)
		}
		n := 1
		if c.dice.IntN(2) == 0 {
			n = 2 + c.dice.IntN(c.batches-1)
		}
		if left := c.left.Add(-int64(n)); left+int64(n) <= 0 {
			return
		}
		ops := make([]*operation, n)
		for i := range ops {
			ops[i] = c.choose(list, n > 1)
		}
		c.write(ctx, list, ops)
	}
}

// choose returns a random operation.
func (c *client) choose(list int, batch bool) *operation {
	title := fmt.Sprintf("%d by %d", c.titles.Add(1), c.number)
	op := &operation{title: title, key: fmt.Sprintf("%x-%s", c.seed, strings.ReplaceAll(title, " ", "-"))}
	if c.dice.IntN(12) == 0 {
		op.uid, _ = c.items[list].sample(list)
		op.kind = kind(c.dice.IntN(5)) // all but complete are equally likely
		if op.kind == completeAll {
			op.kind = retitle
		}
		op.completed = c.dice.IntN(2) == 0
		return op
	}
	_, n := c.items[list].pick(c.dice, false)
	switch d := c.dice.IntN(100); {
	case d == 0 && batch:
		op.kind, op.completed = completeAll, c.dice.IntN(4) == 0
	case d <= 2 && batch:
		op.kind = clearCompleted
	case d < 20 || n < 24 && d < 60 || n == 0:
		op.kind = create
		if c.dice.IntN(2) == 0 {
			op.uid = op.key
		}
	case d < 70:
		op.kind = retitle
	case d < 85:
		op.kind, op.completed = complete, c.dice.IntN(3) > 0
	default:
		op.kind = remove
	}
	if !op.kind.everywhere() && op.kind != create {
		if op.uid, _ = c.items[list].pick(c.dice, op.kind == remove); op.uid == "" {
			op.kind = create
		}
	}
	return op
}

// write sends operations until each has an answer. It repeats those without one,
// with the same keys.
func (c *client) write(ctx context.Context, list int, ops []*operation) {
	h := c.histories[list]
	request, began := c.requests.Add(1), time.Now()
	for i, op := range ops {
		op.request, op.place, op.began, op.before = request, uint32(i), began, h.acked.Load()
	}
	open := ops
	for attempt := 0; len(open) > 0; attempt++ {
		if attempt > 0 {
			c.repeated.Add(int64(len(open)))
			c.pause(ctx)
			for _, op := range open {
				// The first request may still be under way, so the order of
				// the two is unknown.
				op.request, op.again = c.requests.Add(1), true
			}
			if c.ablation == noMemory {
				for _, op := range open {
					op.key += "-again"
				}
			}
		}
		if time.Since(began) > persistence || attempt > 0 && ctx.Err() != nil {
			break
		}
		open = c.attempt(h, list, open)
	}
	for _, op := range open {
		c.unclear(h, list, op)
	}
}

// unclear records an operation whose outcome is unknown.
func (c *client) unclear(h *history, list int, op *operation) {
	c.unknown.Add(1)
	h.mayLand(op)
	c.sampled(h, list, op, told{unknown: true})
}

// mayLand records an operation that may take effect once, at any time.
func (h *history) mayLand(op *operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unknown = append(h.unknown, op)
}

// pause waits before the next attempt, and sometimes changes the server.
func (c *client) pause(ctx context.Context) {
	timer := time.NewTimer(time.Duration(20+c.dice.IntN(200)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if c.dice.IntN(3) == 0 {
		c.server = c.dice.IntN(1 << 16)
	}
}

// outcome is an answer to one operation.
type outcome struct {
	Status   int
	Revision uint64
	Replayed bool
	Todo     shown
	Problem  struct{ Detail string }
}

// attempt sends operations once and returns those without an answer.
func (c *client) attempt(h *history, list int, ops []*operation) []*operation {
	outcomes, err := c.ask(h.name, ops)
	if err != nil {
		c.unanswered.Add(1)
		return ops
	}
	var open []*operation
	for i, op := range ops {
		switch o := outcomes[i]; {
		case o.Status >= 500 || o.Status == http.StatusTooManyRequests:
			if o.Status != http.StatusServiceUnavailable {
				h.violate("other", "%v: got status %d: %s", op, o.Status, o.Problem.Detail)
			}
			open = append(open, op)
		case o.Status < 300:
			if o.Replayed {
				c.replayed.Add(1)
			}
			c.landed(h, list, op, o)
		case o.Status == http.StatusNotFound && strings.Contains(o.Problem.Detail, "carried out before"):
			c.unclear(h, list, op)
		case o.Status == http.StatusNotFound && (op.kind == retitle || op.kind == complete || op.kind == remove):
			high := o.Revision
			if high == 0 {
				high = math.MaxUint64
			}
			h.mu.Lock()
			h.refusals = append(h.refusals, refusal{op.uid, op.before, high})
			h.mu.Unlock()
			c.refuse(h, list, op, told{missing: true})
		case o.Status == http.StatusConflict && op.kind == create:
			c.refuse(h, list, op, told{exists: true})
		default:
			h.violate("other", "%v: got status %d: %s", op, o.Status, o.Problem.Detail)
		}
	}
	return open
}

// refuse records a refused operation. Lists do not remember refusals, so an earlier
// unanswered request for it may still take effect.
func (c *client) refuse(h *history, list int, op *operation, out told) {
	c.refused.Add(1)
	if op.again {
		h.mayLand(op)
		out = told{unknown: true}
	}
	c.sampled(h, list, op, out)
}

// landed records an acknowledged operation.
func (c *client) landed(h *history, list int, op *operation, o outcome) {
	op.revision, op.existed = o.Revision, op.kind == create && o.Status == http.StatusOK
	if op.kind == create {
		if op.uid == "" {
			op.uid = o.Todo.ID
		}
		c.items[list].add(op.uid)
	}
	// An operation that changed nothing may name the revision before it.
	changes := op.kind == retitle || op.kind == remove || op.kind == create && !op.existed
	if op.revision < op.before || changes && op.revision == op.before {
		h.violate("stale", "%v began when revision %d had been acknowledged", op, op.before)
	}
	c.acknowledged.Add(1)
	h.mu.Lock()
	h.done = append(h.done, op)
	h.mu.Unlock()
	out := told{}
	if op.again && !changes {
		// Nor do lists remember operations without effect.
		h.mayLand(op)
		out.unknown = true
	}
	c.sampled(h, list, op, out)
	h.heard(op.revision)
}

// sampled adds the outcome to the histories of sampled items.
func (c *client) sampled(h *history, list int, op *operation, out told) {
	if strings.HasPrefix(op.uid, "sample-") {
		c.samples.add(h.name+"/"+op.uid, c.number, op.began, asked{op: op}, out)
	}
	if op.kind.everywhere() {
		_, all := c.items[list].sample(list)
		for _, uid := range all {
			c.samples.add(h.name+"/"+uid, c.number, op.began, asked{op: op}, out)
		}
	}
}

// ask sends operations in one request: by the route of a single operation, or else
// as a batch.
func (c *client) ask(list string, ops []*operation) ([]outcome, error) {
	todos := "/api/lists/" + list + "/todos"
	if len(ops) > 1 || ops[0].kind.everywhere() {
		return c.askBatch(list, ops)
	}
	op := ops[0]
	method, path, body := http.MethodPatch, todos+"/"+op.uid, any(nil)
	switch op.kind {
	case create:
		method, path, body = http.MethodPost, todos, newTodo(op)
	case retitle:
		body = map[string]any{"title": op.title}
	case complete:
		body = map[string]any{"completed": op.completed}
	default:
		method = http.MethodDelete
	}
	a, err := c.send(method, path, body, "Idempotency-Key", op.key)
	if err != nil {
		return nil, err
	}
	o := outcome{Status: a.Status, Replayed: a.Header.Get("Idempotency-Replayed") == "true"}
	switch {
	case o.Status >= 400:
		err = json.Unmarshal(a.Body, &o.Problem)
	case o.Status != http.StatusNoContent:
		err = json.Unmarshal(a.Body, &o.Todo)
	}
	if err == nil && o.Status < 300 {
		o.Revision, err = revisionOf(a)
	}
	return []outcome{o}, err
}

func newTodo(op *operation) map[string]any {
	todo := map[string]any{"title": op.title}
	if op.uid != "" {
		todo["id"] = op.uid
	}
	return todo
}

func (c *client) askBatch(list string, ops []*operation) ([]outcome, error) {
	asked := make([]map[string]any, len(ops))
	for i, op := range ops {
		a := map[string]any{"id": op.key}
		switch op.kind {
		case create:
			a["type"], a["todo"] = "create", newTodo(op)
		case retitle:
			a["type"], a["todoId"], a["change"] = "update", op.uid, map[string]any{"title": op.title}
		case complete:
			a["type"], a["todoId"], a["change"] = "update", op.uid, map[string]any{"completed": op.completed}
		case remove:
			a["type"], a["todoId"] = "delete", op.uid
		case completeAll:
			a["type"], a["completed"] = "completeAll", op.completed
		case clearCompleted:
			a["type"] = "clearCompleted"
		}
		asked[i] = a
	}
	a, err := c.send(http.MethodPost, "/api/lists/"+list+"/batch", map[string]any{"operations": asked})
	if err != nil {
		return nil, err
	}
	if a.Status == http.StatusServiceUnavailable {
		return slices.Repeat([]outcome{{Status: a.Status}}, len(ops)), nil
	}
	var answer struct{ Results []outcome }
	if err := json.Unmarshal(a.Body, &answer); err != nil || len(answer.Results) != len(ops) {
		return nil, fmt.Errorf("batch: got %d with %d results and %w, want %d: %s", a.Status, len(answer.Results), err, len(ops), a.Body)
	}
	return answer.Results, nil
}

// send sends a request to the client's server and reads the answer.
func (c *client) send(method, path string, body any, header ...string) (a server.Answer, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return a, err
		}
	}
	// The HTTP client has its own time limit. Some requests are canceled before
	// the answer.
	ctx := context.Background()
	if !c.patient && method != http.MethodGet && c.dice.IntN(c.haste) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(1+c.dice.IntN(500))*time.Millisecond)
		defer cancel()
	}
	addresses := c.servers()
	a, err = server.Request(ctx, c.http, method, addresses[c.server%len(addresses)]+path, string(text), header...)
	if err == nil && a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "" {
		c.histories[0].violate("other", "%s %s: got 503 without Retry-After", method, path)
	}
	return a, err
}

func revisionOf(a server.Answer) (uint64, error) {
	text, err := strconv.Unquote(a.Header.Get("ETag"))
	if err != nil {
		return 0, fmt.Errorf("ETag: got %q, want a revision", a.Header.Get("ETag"))
	}
	number, _, _ := strings.Cut(text, "-")
	return strconv.ParseUint(number, 10, 64)
}

// read reads a list, sometimes on the condition that it has changed.
func (c *client) read(list int) {
	h := c.histories[list]
	before := h.acked.Load()
	var condition []string
	if tag := c.seen[list]; tag != "" && c.dice.IntN(3) == 0 {
		condition = []string{"If-None-Match", tag}
	}
	a, err := c.send(http.MethodGet, "/api/lists/"+h.name+"/todos", nil, condition...)
	if err != nil || a.Status == http.StatusServiceUnavailable {
		c.unanswered.Add(1)
		return
	}
	revision, err := revisionOf(a)
	if err != nil || a.Status != http.StatusOK && a.Status != http.StatusNotModified {
		h.violate("other", "read: got %d and %v: %s", a.Status, err, a.Body)
		return
	}
	c.reads.Add(1)
	c.seen[list] = a.Header.Get("ETag")
	if a.Status == http.StatusOK {
		var list []shown
		if err := json.Unmarshal(a.Body, &list); err != nil {
			h.violate("other", "read: %v: %s", err, a.Body)
			return
		}
		h.mu.Lock()
		h.views = append(h.views, view{revision, digestOf(list)})
		h.mu.Unlock()
	}
	c.fresh(h, a, revision, before)
}

// fresh checks that a read is not older than the revisions known before it began,
// unless the answer has an Age.
func (c *client) fresh(h *history, a server.Answer, revision, before uint64) bool {
	if a.Header.Get("Age") != "" {
		c.stale.Add(1)
		return false
	}
	if revision < before {
		h.violate("stale", "a read shows revision %d and began when %d had been heard of", revision, before)
	}
	h.heard(revision)
	return true
}

// readSample reads a sampled item.
func (c *client) readSample(list int) {
	h := c.histories[list]
	uid, _ := c.items[list].sample(list)
	began, before := time.Now(), h.acked.Load()
	a, err := c.send(http.MethodGet, "/api/lists/"+h.name+"/todos/"+uid, nil)
	if err != nil || a.Status == http.StatusServiceUnavailable {
		c.unanswered.Add(1)
		return
	}
	c.reads.Add(1)
	var out told
	switch a.Status {
	case http.StatusOK:
		var got shown
		revision, err := revisionOf(a)
		if err = errors.Join(err, json.Unmarshal(a.Body, &got)); err != nil {
			h.violate("other", "read of %s: %v: %s", uid, err, a.Body)
			return
		}
		out.item = item{title: got.Title, completed: got.Completed}
		if !c.fresh(h, a, revision, before) {
			return
		}
	case http.StatusNotFound:
		out.missing = true
		if a.Header.Get("Age") != "" {
			c.stale.Add(1)
			return
		}
	default:
		h.violate("other", "read of %s: got %d: %s", uid, a.Status, a.Body)
		return
	}
	c.samples.add(h.name+"/"+uid, c.number, began, asked{read: true}, out)
}
