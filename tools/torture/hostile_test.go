//go:build torture

package torture

import (
	"context"
	"encoding/json"
	"errors"
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
)

// attack is what hostile clients of one kind do to a server, again and again,
// as many at a time as clients says. All of them have one address.
type attack struct {
	name    string
	clients int
	do      func(ctx context.Context, a *attacker)
}

// attackerAddress is one on the internet: clients on this machine have no
// limits.
const attackerAddress = "198.51.100.7"

// attacker is a hostile client.
type attacker struct {
	*siege
	url    string // of the server
	number int
	round  int
	client http.Client
}

// siege is a set of attacks on some servers.
type siege struct {
	servers  func() []string
	revision string // at which the list "big" was cleared
	hold     time.Duration

	acted   []atomic.Int64 // times, by attack
	refused atomic.Int64   // answers with 429
}

// send sends one request and reads its answer.
func (a *attacker) send(ctx context.Context, method, path, body string) {
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, strings.NewReader(body))
	if err != nil {
		panic(err) // all requests are written here
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Client", attackerAddress)
	resp, err := a.client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode == http.StatusTooManyRequests {
		a.refused.Add(1)
	}
}

// keep opens a connection, sends text and keeps the connection for a while. It
// reads nothing.
func (a *attacker) keep(ctx context.Context, text string) {
	dialer := net.Dialer{Timeout: a.hold}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.(*net.TCPConn).SetReadBuffer(2048)
	if _, err := io.WriteString(conn, text); err != nil {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(a.hold):
	}
}

func rawRequest(method, path, header string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nX-Client: " + attackerAddress + "\r\n" + header + "\r\n"
}

var attacks = []attack{
	{"idle connections", 300, func(ctx context.Context, a *attacker) { a.keep(ctx, "") }},
	{"clients that do not read", 100, func(ctx context.Context, a *attacker) {
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
	{"batches of 200 restores", 4, func(ctx context.Context, a *attacker) {
		var operations []string
		for i := range 200 {
			operations = append(operations, fmt.Sprintf(`{"id":"%d-%d-%d","type":"restore","revision":%s}`, a.number, a.round, i, a.revision))
		}
		a.send(ctx, "POST", "/api/lists/big/batch", `{"operations":[`+strings.Join(operations, ",")+`]}`)
	}},
	{"a flood of requests", 16, func(ctx context.Context, a *attacker) { a.send(ctx, "GET", "/api/lists/small/todos", "") }},
}

// largeState is a body of PUT /api/state/{name} of 1 MB.
var largeState = state(5000, 150)

// state is a body of PUT /api/state/{name} with n items.
func state(n, title int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":%d,"title":%q,"completed":false}`, i, strings.Repeat("x", title))
	}
	return "[" + strings.Join(items, ",") + "]"
}

// newSiege prepares the lists that are attacked, through the first server.
func newSiege(t testing.TB, servers func() []string, hold time.Duration) *siege {
	t.Helper()
	t.Cleanup(besieged.CloseIdleConnections)
	s := &siege{servers: servers, hold: hold, acted: make([]atomic.Int64, len(attacks))}
	must := func(method, path, body string) (answer []byte) {
		t.Helper()
		eventually(t, method+" "+path, func() bool {
			status, read, err := request(method, servers()[0]+path, body)
			answer = read
			return err == nil && status < 300
		})
		return answer
	}
	must("PUT", "/api/state/big", state(4000, 150))
	must("PUT", "/api/state/small", state(1, 1))
	must("DELETE", "/api/lists/big/todos", "")
	var history struct {
		Entries []struct{ Revision json.Number }
	}
	if err := json.Unmarshal(must("GET", "/api/lists/big/history", ""), &history); err != nil || len(history.Entries) == 0 {
		t.Fatalf("history: got %v and %v, want the clearing", history, err)
	}
	s.revision = history.Entries[0].Revision.String()
	must("POST", "/api/lists/big/restore", `{"revision":`+s.revision+`}`)
	return s
}

// request sends a request as a client on this machine, which has no limits.
func request(method, url, body string, header ...string) (status int, answer []byte, err error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := besieged.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// besieged is the client of those who are not hostile.
var besieged = &http.Client{Timeout: requestTimeout, Transport: &http.Transport{}}

// begin begins the attacks with the given numbers, with one client in place of
// share. Call end to end them.
func (s *siege) begin(share int, chosen ...int) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, n := range chosen {
		for i := range max(attacks[n].clients/share, 1) {
			group.Go(func() {
				a := &attacker{siege: s, number: i}
				a.client.Transport = &http.Transport{}
				defer a.client.CloseIdleConnections()
				for ; ctx.Err() == nil; a.round++ {
					all := s.servers()
					a.url = all[(i+a.round)%len(all)]
					attacks[n].do(ctx, a)
					s.acted[n].Add(1)
				}
			})
		}
	}
	return func() {
		cancel()
		group.Wait()
	}
}

// allAttacks are the numbers of all attacks.
func allAttacks() (all []int) {
	for n := range attacks {
		all = append(all, n)
	}
	return all
}

// limits are the flags of a server that knows clients by a header, so that the
// limits of clients hold for the attackers, and that logs what they do.
var limits = []string{"--client-address-header=X-Client", "--access-log=true", "--memory-budget=256MiB"}

// TestHostileClients: no operation is lost, and none takes effect twice, while
// hostile clients use up the servers' descriptors, do not read their answers,
// do not send their bodies, and send the most expensive requests, and
// while the servers' logs are not read.
func TestHostileClients(t *testing.T) {
	w := world{
		instances: 2, clients: 6, lists: 4, operations: chosen.operations / 5, seed: chosen.seed,
		weather: storm, progress: true, search: 30 * time.Second, kills: 2, hostile: true,
	}
	rep := w.run(t)
	t.Logf("\n%v", &rep)
	for kind, texts := range rep.violations {
		for _, text := range texts[:min(len(texts), 10)] {
			t.Errorf("%s: %s", kind, text)
		}
	}
	if rep.samples[3] > 0 {
		t.Errorf("porcupine: got %d histories without a linearization, want 0", rep.samples[3])
	}
	for n, a := range attacks {
		t.Logf("%s: %d times", a.name, rep.siege.acted[n].Load())
		if rep.siege.acted[n].Load() == 0 {
			t.Errorf("%s: got none, want some", a.name)
		}
	}
	if rep.siege.refused.Load() == 0 {
		t.Error("got no 429 for the attackers, want some")
	}
}

// BenchmarkUnderAttack measures what another client sees meanwhile: each
// iteration is a write and a read of small lists on a disk. docs/security.md
// has its results. Each attack has a quiet row right before it. The attackers
// share the machine's processors with the server, as they would not on a
// network.
func BenchmarkUnderAttack(b *testing.B) {
	s := startServer(b, "file://"+b.TempDir(), nil, limits...)
	siege := newSiege(b, func() []string { return []string{s.url} }, 5*time.Second)
	for n, attack := range attacks {
		b.Run(attack.name+"/quiet", func(b *testing.B) { measure(b, s.url) })
		b.Run(attack.name+"/attacked", func(b *testing.B) {
			end := siege.begin(1, n)
			defer end()
			measure(b, s.url)
		})
	}
	if status, answer, err := request("GET", s.url+"/readyz", ""); err != nil || status != http.StatusOK {
		b.Errorf("/readyz afterwards: got %d %s %v", status, answer, err)
	}
}

func measure(b *testing.B, url string) {
	var took []time.Duration
	var failed error
	list := fmt.Sprintf("friends-%d", time.Now().UnixNano())
	for n := 0; b.Loop(); n++ {
		began := time.Now()
		from := fmt.Sprintf("203.0.113.%d", n%250)
		if status, _, err := request("POST", url+"/api/lists/"+list+"/todos", `{"title":"milk"}`, "X-Client", from); err != nil || status != http.StatusCreated {
			failed = errors.Join(failed, fmt.Errorf("POST: got %d %w", status, err))
		}
		if status, _, err := request("GET", url+"/api/lists/small/todos", "", "X-Client", from); err != nil || status != http.StatusOK {
			failed = errors.Join(failed, fmt.Errorf("GET: got %d %w", status, err))
		}
		took = append(took, time.Since(began))
	}
	if failed != nil {
		b.Error(failed)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
