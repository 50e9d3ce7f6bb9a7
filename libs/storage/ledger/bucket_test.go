package ledger_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// bucket is a model of one S3 bucket: strongly consistent, an ETag is the MD5
// of the body, writes are conditional. What goes wrong does so between it and
// a client of it.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	lasting map[string][]byte // what a power cut would leave
	writes  int
}

func newBucket() *bucket {
	return &bucket{objects: make(map[string][]byte), lasting: make(map[string][]byte)}
}

func etag(body []byte) storage.Version {
	sum := md5.Sum(body)
	return storage.Version(hex.EncodeToString(sum[:]))
}

func (b *bucket) get(key string) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, ok := b.objects[key]
	return body, ok
}

// lasts reports whether text is in the object after a power cut.
func (b *bucket) lasts(key, text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Contains(b.lasting[key], []byte(text))
}

// isFragile reports whether a power cut would change the object.
func (b *bucket) isFragile(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !bytes.Equal(b.lasting[key], b.objects[key])
}

// put writes if the object is at version ("": not there), or blindly; a fragile
// write does not survive a power cut.
func (b *bucket) put(key string, body []byte, version storage.Version, blind, fragile bool) (storage.Version, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.objects[key]
	var current storage.Version
	if ok {
		current = etag(old)
	}
	if !blind && current != version {
		return "", storage.ErrConflict
	}
	b.objects[key] = append([]byte(nil), body...)
	if !fragile {
		b.lasting[key] = b.objects[key]
	}
	b.writes++
	return etag(body), nil
}

// weather is how often, of 1,000 calls each, something goes wrong.
type weather struct {
	unavailable int // 500, 503: nothing happened
	lost        int // it happened, the answer was lost
	conflict    int // 409 without another writer: nothing happened
	met         int // it happened, and a repetition below met it: 412
	hang        int // no answer until the deadline; happened or not
	late        int // an error, and the write happens up to 10 s later
	refused     int // a certain no: nothing happened
	fragile     int // it happened, and a power cut may undo it

	low, high time.Duration // of each half of a call

	// Ablations of what a driver promises.
	blind             bool // If-Match is dropped
	conflictIsSuccess bool // 409 and 412 are taken for success
}

var (
	storm = weather{unavailable: 50, lost: 50, conflict: 50, met: 20, hang: 20, late: 10, refused: 10, low: 2 * time.Millisecond, high: 30 * time.Millisecond}
	calm  = weather{low: 20 * time.Millisecond, high: 20*time.Millisecond + 1}
)

// client is one process's way to a bucket. Its dice are a function of the
// seed, its name, the key and the number of the call, so that a run can be
// repeated whatever the scheduler does.
type client struct {
	b       *bucket
	name    string
	seed    uint64
	weather weather

	mu    sync.Mutex
	calls map[string]uint64
	cut   bool // nothing gets through
	count struct{ gets, puts, faults int }
}

func (b *bucket) client(name string, seed uint64, w weather) *client {
	return &client{b: b, name: name, seed: seed, weather: w, calls: make(map[string]uint64)}
}

var errInjected = errors.New("injected")

func (c *client) dice(op, key string) *rand.Rand {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op == "get" {
		c.count.gets++
	} else {
		c.count.puts++
	}
	id := op + "\x00" + key
	c.calls[id]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", c.name, id, c.calls[id])
	return rand.New(rand.NewPCG(c.seed, h.Sum64()))
}

func (c *client) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

func (c *client) setCut(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
}

func (c *client) fault() {
	c.mu.Lock()
	c.count.faults++
	c.mu.Unlock()
}

func (c *client) travel(ctx context.Context, r *rand.Rand) error {
	d := c.weather.low + time.Duration(r.Int64N(int64(c.weather.high-c.weather.low)))
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *client) fail(op, key string, err error) error {
	return &storage.Error{Op: op, Key: key, Err: err}
}

func (c *client) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, _, err := c.GetIfChanged(ctx, key, "")
	return doc, err
}

func (c *client) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	r := c.dice("get", key)
	if err := c.travel(ctx, r); err != nil {
		return storage.Document{}, false, c.fail("get", key, err)
	}
	w := c.weather
	switch n := r.IntN(1000); {
	case c.isCut(), n < w.unavailable+w.lost:
		c.fault()
		return storage.Document{}, false, c.fail("get", key, fmt.Errorf("%w: %w", storage.ErrUnavailable, errInjected))
	case n < w.unavailable+w.lost+w.hang:
		c.fault()
		<-ctx.Done()
		return storage.Document{}, false, c.fail("get", key, ctx.Err())
	case n < w.unavailable+w.lost+w.hang+w.refused:
		c.fault()
		return storage.Document{}, false, c.fail("get", key, fmt.Errorf("%w: %w", storage.ErrRefused, errInjected))
	}
	body, ok := c.b.get(key)
	if err := c.travel(ctx, r); err != nil {
		return storage.Document{}, false, c.fail("get", key, err)
	}
	if !ok {
		return storage.Document{}, false, c.fail("get", key, storage.ErrNotFound)
	}
	if v := etag(body); v != known {
		return storage.Document{Body: append([]byte(nil), body...), Version: v}, true, nil
	}
	return storage.Document{}, false, nil
}

func (c *client) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return c.put(ctx, "create", key, body, "")
}

func (c *client) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	return c.put(ctx, "replace", key, body, version)
}

func (c *client) Delete(context.Context, string, storage.Version) error {
	return errors.New("the ledger deletes nothing")
}

func (c *client) put(ctx context.Context, op, key string, body []byte, version storage.Version) (storage.Version, error) {
	r := c.dice("put", key)
	w := c.weather
	if err := c.travel(ctx, r); err != nil {
		return "", c.fail(op, key, err)
	}
	lost := func() error { return c.fail(op, key, fmt.Errorf("%w: %w", storage.ErrUnavailable, errInjected)) }
	n := r.IntN(1000)
	hit := func(rate int) bool {
		n -= rate
		if n < 0 && n >= -rate {
			c.fault()
			return true
		}
		return false
	}
	if c.isCut() || hit(w.unavailable) {
		return "", lost()
	}
	if hit(w.conflict) {
		if w.conflictIsSuccess {
			return etag(body), nil
		}
		return "", c.fail(op, key, storage.ErrConflict)
	}
	if hit(w.refused) {
		return "", c.fail(op, key, fmt.Errorf("%w: %w", storage.ErrRefused, errInjected))
	}
	if hit(w.late) {
		body = append([]byte(nil), body...)
		time.AfterFunc(time.Duration(r.Int64N(int64(10*time.Second))), func() { _, _ = c.b.put(key, body, version, w.blind, false) })
		return "", lost()
	}
	hang := hit(w.hang)
	if hang && r.IntN(2) == 0 {
		<-ctx.Done()
		return "", c.fail(op, key, ctx.Err())
	}
	// Only the first of several fragile writes must say so.
	known, fragile := c.b.isFragile(key), hit(w.fragile)
	v, err := c.b.put(key, body, version, w.blind, fragile)
	if err != nil {
		if err := c.travel(ctx, r); err != nil {
			return "", c.fail(op, key, err)
		}
		if w.conflictIsSuccess {
			return etag(body), nil
		}
		return "", c.fail(op, key, err)
	}
	switch {
	case fragile && known && r.IntN(2) == 0:
		return "", lost()
	case fragile:
		return "", c.fail(op, key, fmt.Errorf("%w: %w", storage.ErrNotDurable, errInjected))
	case hang:
		<-ctx.Done()
		return "", c.fail(op, key, ctx.Err())
	case hit(w.lost):
		return "", lost()
	case hit(w.met):
		return "", c.fail(op, key, storage.ErrConflict)
	}
	if err := c.travel(ctx, r); err != nil {
		return "", c.fail(op, key, err)
	}
	return v, nil
}
