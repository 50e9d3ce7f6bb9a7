// Package siege attacks the API with hostile clients.
package siege

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// Flags make a server identify clients by a header, so that the attackers are not
// exempt from limits, and log their requests.
var Flags = []string{"--client-address-header=X-Client", "--access-log=true", "--memory-budget=256MiB"}

// An Attack is one kind of hostile clients. They repeat the attack, and share one
// address.
type Attack struct {
	Name    string
	Clients int
	do      func(ctx context.Context, a *attacker)
}

// attackerAddress is not a loopback address, because clients on this machine have no
// limits.
const attackerAddress = "198.51.100.7"

// Attacks lists all attacks.
var Attacks = []Attack{
	{"idle connections", 300, func(ctx context.Context, a *attacker) { a.keep(ctx, "") }},
	{Unreading, 100, func(ctx context.Context, a *attacker) {
		a.keep(ctx, strings.Repeat(rawRequest("GET", "/api/lists/big/todos", ""), 20))
	}},
	{"bodies that do not come", 300, func(ctx context.Context, a *attacker) {
		a.keep(ctx, rawRequest("PUT", "/api/state/x", "Content-Type: application/json\r\nContent-Length: 1000000\r\n"))
	}},
	{"event streams on unused names", 600, func(ctx context.Context, a *attacker) {
		a.keep(ctx, rawRequest("GET", fmt.Sprintf("/api/lists/none-%d/events", a.number), ""))
	}},
	{"long Host headers", 4, func(ctx context.Context, a *attacker) {
		a.keep(ctx, strings.Replace(rawRequest("GET", "/api/lists/big/todos", ""), "localhost", strings.Repeat("h", 7000), 1))
	}},
	{"lists of 1 MB", 2, func(ctx context.Context, a *attacker) {
		a.send(ctx, "PUT", fmt.Sprintf("/api/state/large-%d-%d", a.number, a.round%20), largeState)
	}},
	{"batches of 200 restores", 4, func(ctx context.Context, a *attacker) { a.batch(ctx, "restore") }},
	{Changing, 4, func(ctx context.Context, a *attacker) { a.batch(ctx, "completeAll") }},
	{"a flood of requests", 16, func(ctx context.Context, a *attacker) { a.send(ctx, "GET", "/api/lists/small/todos", "") }},
}

// Names of attacks.
const (
	Unreading = "clients that do not read"
	Changing  = "batches of 200 restores and changes"
)

// Siege is a set of attacks on some servers.
type Siege struct {
	Acted   []atomic.Int64 // times, by attack
	Refused atomic.Int64   // answers with 429

	servers  func() []string
	revision string // at which the list "big" was cleared
	hold     time.Duration
}

// attacker is a hostile client.
type attacker struct {
	*Siege
	url    string // of the server
	number int
	round  int
	client http.Client
}

// send sends one request and reads its answer.
func (a *attacker) send(ctx context.Context, method, path, body string) {
	answer, err := server.Request(ctx, &a.client, method, a.url+path, body, "X-Client", attackerAddress)
	if err == nil && answer.Status == http.StatusTooManyRequests {
		a.Refused.Add(1)
	}
}

// keep opens a connection, sends text and keeps the connection open without reading
// from it.
func (a *attacker) keep(ctx context.Context, text string) {
	dialer := net.Dialer{Timeout: a.hold}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(2048)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(a.hold):
	}
}

// batch restores a large list repeatedly; every second operation is of another
// kind.
func (a *attacker) batch(ctx context.Context, kind string) {
	operations := make([]string, 200)
	for i := range operations {
		id := fmt.Sprintf("%d-%d-%d", a.number, a.round, i)
		operations[i] = fmt.Sprintf(`{"id":"%s-%s","type":"restore","revision":%s}`, kind, id, a.revision)
		if kind != "restore" && i%2 == 1 {
			operations[i] = fmt.Sprintf(`{"id":"%s-%s","type":%q,"completed":%t}`, kind, id, kind, i%4 == 1)
		}
	}
	a.send(ctx, "POST", "/api/lists/big/batch", `{"operations":[`+strings.Join(operations, ",")+`]}`)
}

func rawRequest(method, path, header string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nX-Client: " + attackerAddress + "\r\n" + header + "\r\n"
}

// largeState is a body of PUT /api/state/{name} of 1 MB.
var largeState = State(5000, 150)

// State returns a body of PUT /api/state/{name} with n items, whose titles have the
// given number of characters.
func State(n, title int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":%d,"title":%q,"completed":false}`, i, strings.Repeat("x", title))
	}
	return "[" + strings.Join(items, ",") + "]"
}

// New creates the lists to attack through the first server. Attackers keep a
// connection open for hold.
func New(tb testing.TB, servers func() []string, hold time.Duration) *Siege {
	tb.Helper()
	tb.Cleanup(other.CloseIdleConnections)
	s := &Siege{servers: servers, hold: hold, Acted: make([]atomic.Int64, len(Attacks))}
	must := func(method, path, body string) []byte {
		tb.Helper()
		a, err := Request(method, servers()[0]+path, body)
		if err != nil || a.Status >= 300 {
			tb.Fatalf("%s %s: got %d, %v: %s", method, path, a.Status, err, a.Body)
		}
		return a.Body
	}
	must("PUT", "/api/state/big", State(4000, 150))
	must("PUT", "/api/state/small", State(1, 1))
	must("DELETE", "/api/lists/big/todos", "")
	var history struct {
		Entries []struct{ Revision json.Number }
	}
	if err := json.Unmarshal(must("GET", "/api/lists/big/history", ""), &history); err != nil || len(history.Entries) == 0 {
		tb.Fatalf("history: got %v and %v, want the clearing", history, err)
	}
	s.revision = history.Entries[0].Revision.String()
	must("POST", "/api/lists/big/restore", `{"revision":`+s.revision+`}`)
	return s
}

// Begin starts the named attacks, or all if no names are given, with 1/share of their
// clients. Call end to stop them.
func (s *Siege) Begin(share int, names ...string) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for n, attack := range Attacks {
		if len(names) > 0 && !slices.Contains(names, attack.Name) {
			continue
		}
		for i := range max(attack.Clients/share, 1) {
			group.Go(func() {
				a := &attacker{Siege: s, number: i}
				a.client.Transport = &http.Transport{}
				defer a.client.CloseIdleConnections()
				for ; ctx.Err() == nil; a.round++ {
					all := s.servers()
					a.url = all[(i+a.round)%len(all)]
					attack.do(ctx, a)
					s.Acted[n].Add(1)
				}
			})
		}
	}
	return func() {
		cancel()
		group.Wait()
	}
}

// other is a client that is not hostile.
var other = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}

// Request sends a request as a client on this machine, which has no limits.
func Request(method, url, body string, header ...string) (server.Answer, error) {
	return server.Request(context.Background(), other, method, url, body, header...)
}
