//go:build torture

package torture

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/integration/localstack"
)

// weather has the number of each fault in 1,000 requests.
type weather struct {
	unavailable int // 500 or 503 without effect
	conflict    int // writes only: 409 without effect
	lost        int // takes effect; the connection breaks within the answer
	hang        int // no answer, with or without effect
	late        int // the connection breaks; takes effect up to 3 s later
}

var storm = weather{unavailable: 50, conflict: 50, lost: 50, hang: 20, late: 10}

type fault int

const (
	none fault = iota
	unavailable
	conflict
	lost
	hang
	late
	faults
)

func (f fault) String() string {
	return [...]string{"none", "500 or 503", "409", "lost answers", "time-outs", "late writes"}[f]
}

// States of a proxy.
const (
	open    int32 = iota
	refused       // breaks connections at once
	hanging       // gives no answers
)

// proxy injects faults between one server and the store.
type proxy struct {
	*httptest.Server
	name     string
	seed     uint64
	weather  weather
	ablation string
	commits  *commits // may be nil
	upstream *url.URL
	client   *http.Client

	calm    atomic.Bool // injects nothing
	cut     atomic.Int32
	closing chan struct{}
	later   sync.WaitGroup       // late requests
	busy    atomic.Int64         // requests that the store works on or will get
	counts  [faults]atomic.Int64 // of requests, by fault
	unclear atomic.Int64         // requests that the store itself did not answer

	mu    sync.Mutex
	calls map[string]uint64
}

// lanes limits concurrent requests to the store. It works on a request even if the
// client has gone: without a limit, a store that was too slow once would never
// catch up.
var lanes = make(chan struct{}, 24)

func newProxy(t *testing.T, name string, seed uint64, w weather, ablation string, c *commits) *proxy {
	t.Helper()
	upstream, err := url.Parse(localstack.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	p := &proxy{
		name: name, seed: seed, weather: w, ablation: ablation, commits: c, upstream: upstream,
		client:  &http.Client{Transport: transport, Timeout: 30 * time.Second},
		closing: make(chan struct{}),
		calls:   make(map[string]uint64),
	}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		close(p.closing)
		p.Close()
		p.later.Wait()
		transport.CloseIdleConnections()
	})
	return p
}

// decide chooses the fault for a request.
func (p *proxy) decide(r *http.Request) (fault, *rand.Rand) {
	what := r.Method + " " + r.URL.Path
	p.mu.Lock()
	p.calls[what]++
	n := p.calls[what]
	p.mu.Unlock()
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", p.name, what, n)
	dice := rand.New(rand.NewPCG(p.seed, h.Sum64()))
	write := r.Method == http.MethodPut
	side := dice.IntN(1000)
	for _, c := range []struct {
		fault
		rate int
	}{
		{unavailable, p.weather.unavailable},
		{conflict, p.weather.conflict},
		{lost, p.weather.lost},
		{hang, p.weather.hang},
		{late, p.weather.late},
	} {
		if side -= c.rate; side < 0 {
			if !write && (c.fault == conflict || c.fault == late) {
				return none, dice
			}
			return c.fault, dice
		}
	}
	return none, dice
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the server has canceled it
	}
	switch p.cut.Load() {
	case refused:
		panic(http.ErrAbortHandler)
	case hanging:
		p.wait(r)
	}
	f, dice := none, (*rand.Rand)(nil)
	if !p.calm.Load() {
		f, dice = p.decide(r)
	}
	p.counts[f].Add(1)
	switch f {
	case unavailable:
		if dice.IntN(2) == 0 {
			refuse(w, http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
		} else {
			refuse(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		}
	case conflict:
		if p.ablation == conflictAsSuccess {
			succeed(w, body)
			return
		}
		refuse(w, http.StatusConflict, "ConditionalRequestConflict", "A conflicting conditional operation is in progress.")
	case lost:
		answer, err := p.forward(r, body)
		if err == nil && len(answer.body) > 1 && r.Method == http.MethodGet && dice.IntN(2) == 0 {
			answer.send(w, len(answer.body)/2)
		}
		panic(http.ErrAbortHandler)
	case hang:
		if dice.IntN(2) == 0 {
			_, _ = p.forward(r, body)
		}
		p.wait(r)
	case late:
		delay := time.Duration(dice.Int64N(int64(3 * time.Second)))
		later := r.Clone(context.WithoutCancel(r.Context()))
		p.busy.Add(1)
		p.later.Go(func() {
			defer p.busy.Add(-1)
			timer := time.NewTimer(delay)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-p.closing:
			}
			_, _ = p.forward(later, body)
		})
		panic(http.ErrAbortHandler)
	default:
		answer, err := p.forward(r, body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if p.ablation == conflictAsSuccess && r.Method == http.MethodPut &&
			(answer.status == http.StatusConflict || answer.status == http.StatusPreconditionFailed) {
			succeed(w, body)
			return
		}
		answer.send(w, len(answer.body))
	}
}

// wait returns when the server no longer waits for the answer.
func (p *proxy) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-p.closing:
	}
	panic(http.ErrAbortHandler)
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// forward sends a request to the store and records an accepted document. It goes on
// if the server cancels the request.
func (p *proxy) forward(r *http.Request, body []byte) (answer, error) {
	p.busy.Add(1)
	defer p.busy.Add(-1)
	select {
	case lanes <- struct{}{}:
		defer func() { <-lanes }()
	case <-r.Context().Done():
		return answer{}, r.Context().Err()
	}
	out := r.Clone(context.WithoutCancel(r.Context()))
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = p.upstream.Scheme, p.upstream.Host
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.Header.Del("Expect")
	out.Header.Del("Connection")
	if p.ablation == noIfMatch {
		out.Header.Del("If-Match")
		if r.Method == http.MethodPut {
			out.Header.Del("If-None-Match")
		}
	}
	resp, err := p.client.Do(out)
	if err != nil {
		p.unclear.Add(1)
		return answer{}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		p.unclear.Add(1)
		return answer{}, err
	}
	if r.Method == http.MethodPut && resp.StatusCode == http.StatusOK && p.commits != nil {
		name := strings.TrimSuffix(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], ".json")
		p.commits.landed(name, body)
	}
	return answer{resp.StatusCode, resp.Header, got}, nil
}

// send answers with the first n bytes, and then breaks the connection if there are
// more.
func (a answer) send(w http.ResponseWriter, n int) {
	for name, values := range a.header {
		if name != "Connection" && name != "Transfer-Encoding" && name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	if a.status != http.StatusNotModified && a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:n])
	if n < len(a.body) {
		panic(http.ErrAbortHandler)
	}
}

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}

// succeed answers as S3 does when it has written body.
func succeed(w http.ResponseWriter, body []byte) {
	sum := md5.Sum(body)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	w.WriteHeader(http.StatusOK)
}
