// Package redishints sends hints of commits between servers through Redis or
// Valkey publish/subscribe.
package redishints

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

const (
	// channel is the channel that all servers use. It does not identify their
	// store: a hint from another store causes a read and has no other effect.
	channel = "todo-api.hints.1"
	// longest is the maximum length of a hint; a key has at most 512 bytes.
	longest = 1024
	// maxPending is the maximum number of keys with unsent hints.
	maxPending = 4096

	callTimeout = 2 * time.Second
	// pingAfter is how long a subscription may be silent before a ping.
	pingAfter  = 2 * time.Second
	retryFirst = 100 * time.Millisecond
	retryLast  = 2 * time.Second
)

// Bus implements [ledger.Hints]. It is safe for concurrent use.
type Bus struct {
	client *redis.Client
	sender string

	mu      sync.Mutex
	pending map[string]uint64 // revisions to publish by key
	unsent  error             // why the latest hints could not be published
	wake    chan struct{}
	cancel  context.CancelFunc
	done    chan struct{}

	published, dropped, ignored atomic.Uint64
}

// Stats counts the messages since the bus was created.
type Stats struct {
	// Published counts hints that the server accepted, Dropped those that were
	// discarded because too many keys were waiting.
	Published, Dropped uint64
	// Ignored counts messages that are not hints.
	Ignored uint64
}

// Stats returns the counts.
func (b *Bus) Stats() Stats {
	return Stats{Published: b.published.Load(), Dropped: b.dropped.Load(), Ignored: b.ignored.Load()}
}

// errAddress does not repeat the address, which may contain a password.
var errAddress = errors.New("expected the address of a Redis or Valkey server, redis://[user:password@]host[:port] or rediss:// with TLS, without a path or query but /0")

// Parse parses the address of a server.
func Parse(address string) (*redis.Options, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "" && u.Path != "/0" {
		return nil, errAddress
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errAddress
		}
	}
	opts, err := redis.ParseURL(address)
	if err != nil {
		return nil, errAddress
	}
	return opts, nil
}

// New returns a bus that uses the server at address. It does not wait for the
// server, and reconnects when the connection fails. The caller must call
// [Bus.Close].
func New(address string) (*Bus, error) {
	opts, err := Parse(address)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(quiet{}) // errors are returned; the caller logs them
	opts.Protocol = 2
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opts.ClientName = "todo-api"
	opts.MaxRetries = -1 // send retries
	opts.PoolSize = 1    // so that a replica is found on the connection that publishes
	opts.ContextTimeoutEnabled = true
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = callTimeout, callTimeout, callTimeout
	opts.DialerRetries = 1
	opts.OnConnect = func(ctx context.Context, c *redis.Conn) error { return refuseReplica(ctx, c) }
	ctx, cancel := context.WithCancel(context.Background())
	b := &Bus{
		client: redis.NewClient(opts), sender: rand.Text(),
		pending: make(map[string]uint64), wake: make(chan struct{}, 1),
		cancel: cancel, done: make(chan struct{}),
	}
	go b.send(ctx)
	return b, nil
}

// refuseReplica returns an error if the server is a replica, as after a failover: it
// accepts hints, but the listeners of its primary do not get them. Replicas refuse to
// write; go-redis then closes the connection. Deleting a key that does not exist
// changes nothing. Replicas are not detected if the Redis user may not write.
func refuseReplica(ctx context.Context, server redis.Cmdable) error {
	if err := server.Unlink(ctx, channel).Err(); redis.IsReadOnlyError(err) {
		return err
	}
	return nil
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// Close closes the bus. Unsent hints are discarded.
func (b *Bus) Close() error {
	b.cancel()
	<-b.done
	return b.client.Close()
}

// Publish implements [ledger.Hints]. If a key changes faster than hints are sent,
// only its latest revision is sent.
func (b *Bus) Publish(h ledger.Hint) {
	b.mu.Lock()
	_, waits := b.pending[h.Key]
	full := !waits && len(b.pending) >= maxPending
	if !full {
		b.pending[h.Key] = h.Revision
	}
	b.mu.Unlock()
	if full {
		b.dropped.Add(1)
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// send publishes pending hints until ctx ends.
func (b *Bus) send(ctx context.Context) {
	defer close(b.done)
	pause := retryFirst
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		}
		b.mu.Lock()
		batch := b.pending
		b.pending = make(map[string]uint64)
		b.mu.Unlock()
		err := b.publish(ctx, batch)
		b.mu.Lock()
		b.unsent = err
		b.mu.Unlock()
		if err == nil {
			b.published.Add(uint64(len(batch)))
			pause = retryFirst
			continue
		}
		b.putBack(batch)
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, retryLast)
	}
}

func (b *Bus) publish(ctx context.Context, batch map[string]uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	_, err := b.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for key, revision := range batch {
			p.Publish(ctx, channel, fmt.Sprintf("%s %d %s", b.sender, revision, key))
		}
		return nil
	})
	return err
}

// putBack makes a batch pending again, except keys with newer hints.
func (b *Bus) putBack(batch map[string]uint64) {
	b.mu.Lock()
	for key, revision := range batch {
		if _, newer := b.pending[key]; newer {
			continue
		}
		if len(b.pending) >= maxPending {
			b.dropped.Add(1)
			continue
		}
		b.pending[key] = revision
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Listen implements [ledger.Hints].
func (b *Bus) Listen(ctx context.Context, hinted func(ledger.Hint), listening func(error)) {
	pause := retryFirst
	for {
		began := time.Now()
		// go-redis waits for the first answers of a server whatever the context.
		followed := make(chan error, 1)
		go func() { followed <- b.follow(ctx, hinted, listening) }()
		var err error
		select {
		case err = <-followed:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		listening(err)
		if time.Since(began) > 10*retryLast {
			pause = retryFirst
		}
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, retryLast)
	}
}

// follow receives from one subscription until it fails.
func (b *Bus) follow(ctx context.Context, hinted func(ledger.Hint), listening func(error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sub := b.client.Subscribe(ctx, channel)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer func() {
		if stop() {
			_ = sub.Close()
		}
	}()
	var heard atomic.Bool
	go func() { cancel(b.watch(ctx, sub, &heard)) }()
	for {
		// Without a timeout: after one within a message, go-redis would take the rest
		// of the message for answers to pings.
		message, err := sub.Receive(ctx)
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		heard.Store(true)
		switch m := message.(type) {
		case *redis.Subscription:
			if err := b.sending(); err != nil {
				return err
			}
			listening(nil)
		case *redis.Message:
			b.receive(m.Payload, hinted)
		}
	}
}

var errSilent = fmt.Errorf("no answer to a ping within %v", pingAfter)

// sending returns the error of the latest attempt to publish.
func (b *Bus) sending() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unsent
}

// watch pings the server when nothing was heard for pingAfter. It returns an error
// when nothing is heard after that, hints cannot be published, or the server has become
// a replica, or nil when ctx ends.
func (b *Bus) watch(ctx context.Context, sub *redis.PubSub, heard *atomic.Bool) error {
	for pinged := false; wait(ctx, pingAfter); {
		if err := b.sending(); err != nil {
			return err
		}
		if err := refuseReplica(ctx, b.client); err != nil {
			return err
		}
		switch {
		case heard.Swap(false):
			pinged = false
		case pinged:
			return errSilent
		default:
			pinged = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive parses a message of the form "sender revision key".
func (b *Bus) receive(text string, hinted func(ledger.Hint)) {
	sender, rest, _ := strings.Cut(text, " ")
	number, key, ok := strings.Cut(rest, " ")
	revision, err := strconv.ParseUint(number, 10, 64)
	switch {
	case len(text) > longest || !ok || len(sender) != len(b.sender) || key == "" || err != nil:
		b.ignored.Add(1)
	case sender != b.sender:
		hinted(ledger.Hint{Key: key, Revision: revision})
	}
}

// wait reports whether d passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
