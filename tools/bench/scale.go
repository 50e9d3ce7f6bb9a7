package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// patchSizes changes one item of a small list and of the largest one.
func patchSizes(ctx context.Context, b *bench) ([]metric, error) {
	api, err := b.startAPI(ctx, "api-patch", "file://"+filepath.Join(b.work, "patch"))
	if err != nil {
		return nil, err
	}
	defer api.stop()
	sizes := []int{listItems, 5000}
	contestants := make([]contestant, len(sizes))
	for i, size := range sizes {
		name := fmt.Sprintf("patch-%d", size)
		ids, err := fill(ctx, api, name, size)
		if err != nil {
			return nil, err
		}
		clients := b.edits([]*process{api}, "/api/lists/"+name+"/todos", ids)
		contestants[i] = contestant{name: "a list of " + number(float64(size)), server: api, clients: func() []client { return clients()[:1] }}
	}
	got, err := b.contest(ctx, "patch-size", time.Second, contestants...)
	if err != nil {
		return nil, err
	}
	small, large := got[contestants[0].name], got[contestants[1].name]
	return []metric{
		{"CPU time of a PATCH, a list of 5,000 items to one of 20, file", times, ratios(large, small, tally.micros), atMost(3)},
		{"CPU time of a PATCH in a list of 20, file", micros, each(small, tally.micros), goal{}},
		{"CPU time of a PATCH in a list of 5,000, file", micros, each(large, tally.micros), goal{}},
	}, nil
}

// largeList is a list of 5,000 items and nearly 1 MB.
func largeList() []byte {
	var body bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&body, `,{"id":%d,"title":"%0150d","completed":false}`, i+1, i)
	}
	return append(append([]byte("["), body.Bytes()[1:]...), ']')
}

// crowd changes a large list that many watch, while a client reads another one.
func crowd(ctx context.Context, b *bench) ([]metric, error) {
	const watchers, changes, turn = 1000, 3, 1500 * time.Millisecond
	sent := metric{"sent to the watchers for 3 changes", megas, nil, atMost(5)}
	innocent := metric{"99th percentile of a GET of another list, to that while nothing changes", times, nil, atMost(1.5)}
	for round := range b.rounds {
		err := func() error {
			api, err := b.startAPI(ctx, "api-crowd", "file://"+filepath.Join(b.work, "crowd-"+strconv.Itoa(round)))
			if err != nil {
				return err
			}
			defer api.stop()
			ids, err := fillWith(ctx, api, "crowd", largeList(), 5000)
			if err != nil {
				return err
			}
			if _, err := fill(ctx, api, "other", listItems); err != nil {
				return err
			}
			s, err := openStreams(ctx, api, "/api/lists/crowd/events?changes=true", watchers)
			if err != nil {
				return err
			}
			defer s.close()
			// The first event is counted by its id, which its list follows.
			for last := int64(-1); last != s.bytes.Load(); time.Sleep(500 * time.Millisecond) {
				last = s.bytes.Load()
			}
			head := request(http.MethodGet, api.addr, "/api/lists/other/todos", "", 0)
			reader := []client{&httpClient{addr: api.addr, next: func() []byte { return head }}}
			defer reader[0].close()
			quiet, err := drive(ctx, reader, turn, api.cpu)
			if err != nil {
				return err
			}

			before := s.bytes.Load()
			writer := b.edits([]*process{api}, "/api/lists/crowd/todos", ids)()[0]
			defer writer.close()
			changed := make(chan error, 1)
			go func() {
				changed <- func() error {
					ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
					defer cancel()
					for range changes {
						if ok, err := writer.send(ctx); err != nil || !ok {
							return fmt.Errorf("the change was not answered well: %w", err)
						}
						if err := s.await(ctx); err != nil {
							return err
						}
					}
					return nil
				}()
			}()
			busy, err := drive(ctx, reader, turn, api.cpu)
			if err := errors.Join(err, <-changed); err != nil {
				return err
			}
			sent.samples = append(sent.samples, float64(s.bytes.Load()-before)/1e6)
			innocent.samples = append(innocent.samples, busy.p99.Seconds()/quiet.p99.Seconds())
			return nil
		}()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(b.stdout, "   %d/%d  %s MB sent  %s times the quiet 99th percentile\n", round+1, b.rounds, number(sent.samples[round]), number(innocent.samples[round]))
	}
	return []metric{sent, innocent}, nil
}

// startRedis starts a bus for hints.
func (b *bench) startRedis(ctx context.Context) (*process, error) {
	program, err := exec.LookPath("valkey-server")
	if err != nil {
		if program, err = exec.LookPath("redis-server"); err != nil {
			return nil, err
		}
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	p, err := b.spawn(ctx, command{
		name: "redis", dir: b.work, addr: addr,
		args: []string{program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			return p, conn.Close()
		}
		select {
		case <-ctx.Done():
			p.stop()
			return nil, fmt.Errorf("%s: %w", program, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// across measures how long after the answer to a change at one server a stream
// of another one shows it.
func across(ctx context.Context, b *bench) ([]metric, error) {
	redis, err := b.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	all := group{redis}
	buckets, err := b.startBuckets(ctx)
	if err != nil {
		all.stop()
		return nil, err
	}
	defer func() { all.stop(); buckets.stop() }()
	var metrics []metric
	for _, delay := range []time.Duration{0, 40 * time.Millisecond} {
		more, err := b.acrossAt(ctx, &all, buckets, redis.addr, delay)
		if err != nil {
			return nil, err
		}
		metrics = append(metrics, more...)
	}
	return metrics, nil
}

// acrossAt is across with a delay of each call to S3.
func (b *bench) acrossAt(ctx context.Context, all *group, buckets *bucketServer, bus string, delay time.Duration) ([]metric, error) {
	proxy, err := b.startSlowProxy(ctx, buckets, delay, delay)
	if err != nil {
		return nil, err
	}
	defer proxy.close()
	var metrics []metric
	for _, hints := range []bool{true, false} {
		name, limit := fmt.Sprintf("with hints, %v a call to S3", delay), 100.
		if !hints {
			name, limit = fmt.Sprintf("without hints, %v a call to S3", delay), 1100
		}
		f := metric{"95th percentile, " + name, millis, nil, atMost(limit)}
		if f.samples, err = b.seen(ctx, all, buckets, proxy.url, bus, hints); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(b.stdout, "   %s\n", f.line())
		metrics = append(metrics, f)
	}
	return metrics, nil
}

// seen returns the 95th percentile, in milliseconds, of each round.
func (b *bench) seen(ctx context.Context, all *group, buckets *bucketServer, endpoint, bus string, hints bool) ([]float64, error) {
	changes, environ := 5, []string(nil) // each may take a second
	if hints {
		changes, environ = 20, []string{"TODO_HINTS=redis://" + bus}
	}
	bucket := "seen-" + strings.ToLower(strconv.FormatInt(b.stamps.Add(1), 36))
	if err := buckets.bucket(ctx, bucket, 0); err != nil {
		return nil, err
	}
	var servers [2]*process
	for i := range servers {
		c, err := b.apiCommand(ctx, "api-seen", storeURL(bucket, endpoint))
		if err != nil {
			return nil, err
		}
		c.env = append(c.env, environ...)
		if servers[i], err = all.add(b.start(ctx, c)); err != nil {
			return nil, err
		}
	}
	ids, err := fill(ctx, servers[0], "seen", listItems)
	if err != nil {
		return nil, err
	}
	s, err := openStreams(ctx, servers[1], "/api/lists/seen/events?changes=true", 1)
	if err != nil {
		return nil, err
	}
	defer s.close()
	writer := b.edits([]*process{servers[0]}, "/api/lists/seen/todos", ids)()[0]
	defer writer.close()
	var samples []float64
	for round := range b.rounds + 1 { // the first one, which does not count, waits for the bus
		took := make([]time.Duration, changes)
		for i := range took {
			if ok, err := writer.send(ctx); err != nil || !ok {
				return nil, fmt.Errorf("the change was not answered well: %w", err)
			}
			answered := time.Now()
			if err := s.await(ctx); err != nil {
				return nil, err
			}
			took[i] = time.Since(answered)
		}
		if round > 0 {
			samples = append(samples, float64(quantile(took, 0.95).Microseconds())/1000)
		}
	}
	return samples, nil
}
