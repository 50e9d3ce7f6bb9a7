package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// stream is a client of Server-Sent Events.
type stream struct {
	t      testing.TB
	resp   *http.Response
	lines  *bufio.Reader
	cancel context.CancelFunc
	beats  []beat // that next skipped
	bytes  int    // of all events

	id    string // of the last event
	todos []todoBody
}

type beat struct{ Revision, Here int }

type event struct {
	name, id string
	revision int
	todos    []todoBody
}

func (p *program) watch(list string, header ...string) *stream {
	p.T.Helper()
	return p.follow(list, "", header...)
}

// watchChanges watches a list and accepts changes events.
func (p *program) watchChanges(list string, header ...string) *stream {
	p.T.Helper()
	return p.follow(list, "?changes=true", header...)
}

func (p *program) follow(list, query string, header ...string) *stream {
	p.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/api/lists/"+list+"/events"+query, http.NoBody)
	if err != nil {
		p.T.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := p.Client.Do(req)
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(cancel)
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		p.T.Fatalf("events: got %d %s", resp.StatusCode, got)
	}
	if got := resp.Header.Get("Content-Encoding"); got != "" {
		p.T.Errorf("events: got Content-Encoding %s, want none", got)
	}
	return &stream{t: p.T, resp: resp, lines: bufio.NewReader(resp.Body), cancel: cancel}
}

func (s *stream) close() {
	s.cancel()
	s.resp.Body.Close()
}

// next returns the next event of the list; ok is false at the end of the stream.
func (s *stream) next() (e event, ok bool) {
	s.t.Helper()
	for {
		if e, ok = s.any(); !ok || e.name != "heartbeat" {
			return e, ok
		}
	}
}

// heartbeat returns the next heartbeat.
func (s *stream) heartbeat() beat {
	s.t.Helper()
	for {
		if e, ok := s.any(); !ok {
			s.t.Fatal("the stream ended before a heartbeat")
		} else if e.name == "heartbeat" {
			return s.beats[len(s.beats)-1]
		}
	}
}

func (s *stream) any() (e event, ok bool) {
	s.t.Helper()
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return e, false
		}
		s.bytes += len(line)
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			if e.name == "heartbeat" {
				var b beat
				if err := contracttest.Load().Validate("/components/schemas/Heartbeat", []byte(value)); err != nil {
					s.t.Errorf("heartbeat: %v", err)
				}
				if err := json.Unmarshal([]byte(value), &b); err != nil {
					s.t.Fatal(err)
				}
				s.beats = append(s.beats, b)
				continue
			}
			schema := map[string]string{"list": "ListEvent", "changes": "ChangesEvent"}[e.name]
			if err := contracttest.Load().Validate("/components/schemas/"+schema, []byte(value)); err != nil {
				s.t.Errorf("event %s: %v", e.name, err)
			}
			var data struct {
				Revision       int
				From           string
				Todos, Changed []todoBody
				Removed        []string
			}
			if err := json.Unmarshal([]byte(value), &data); err != nil {
				s.t.Fatal(err)
			}
			if e.name == "changes" {
				if data.From != s.id {
					s.t.Errorf("changes from %s: got them behind %s", data.From, s.id)
				}
				data.Todos = withChanges(s.todos, data.Changed, data.Removed)
			}
			s.id, s.todos = e.id, data.Todos
			e.revision, e.todos = data.Revision, data.Todos
		case "":
			if e.name != "" {
				return e, true
			}
		}
	}
}

// until returns the first event that ok accepts, and ends the test if none comes.
func (s *stream) until(what string, ok func(event) bool) event {
	s.t.Helper()
	defer time.AfterFunc(time.Minute, s.cancel).Stop()
	for {
		e, more := s.next()
		if !more {
			s.t.Fatalf("the stream ended before %s", what)
		}
		if ok(e) {
			return e
		}
	}
}

func TestEvents(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		s := p.watch("l")
		first, _ := s.next()
		if first.name != "list" || first.id != "0" || first.revision != 0 || len(first.todos) != 0 {
			t.Errorf("first: got %+v, want the empty list at 0", first)
		}
		p.Create("l", "a")
		if e, _ := s.next(); !strings.HasPrefix(e.id, "1-") || e.revision != 1 || contracttest.Titles(e.todos) != "a" {
			t.Errorf("after a write: got %+v, want a at 1", e)
		}
		p.Expect(200, "PATCH", "/api/lists/l/todos", `{"completed":false}`) // changes nothing
		p.Create("l", "b")
		e := s.until("revision 2", func(e event) bool { return e.revision >= 2 })
		if contracttest.Titles(e.todos) != "a,b" || e.todos[0] != p.Todos("l")[0] {
			t.Errorf("got %+v, want a and b as they are read", e)
		}
		s.close()

		// A client that has the last revision waits for the next.
		again := p.watch("l", "Last-Event-ID", e.id)
		p.Create("l", "c")
		if e, _ := again.next(); e.revision != 3 {
			t.Errorf("Last-Event-ID 2: got %+v first, want revision 3", e)
		}
		old := p.watch("l", "Last-Event-ID", "1-0123456789")
		if e, _ := old.next(); e.revision != 3 || contracttest.Titles(e.todos) != "a,b,c" {
			t.Errorf("Last-Event-ID 1: got %+v, want the list at 3", e)
		}
		p.Expect(400, "GET", "/api/lists/%00/events", "")
		p.Expect(400, "GET", "/api/lists/l/events", "", "Last-Event-ID", strings.Repeat("9", 65))
		if a := p.Expect(200, "HEAD", "/api/lists/l/events", ""); a.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("HEAD: got %v", a.Header)
		}
		again.close()
		old.close()
	})
}

func TestHeartbeatTellsWhoIsHere(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	p.Create("l", "a")
	s := p.watch("l")
	first, _ := s.any()
	if first.name != "list" {
		t.Errorf("first: got %s, want the list", first.name)
	}
	if b := s.heartbeat(); b != (beat{1, 1}) {
		t.Errorf("got %+v, want revision 1 and one stream", b)
	}
	other := p.watch("l")
	if b := s.heartbeat(); b.Here != 2 {
		t.Errorf("another came: got %+v, want two streams", b)
	}
	if b := other.heartbeat(); b.Here != 2 {
		t.Errorf("the other: got %+v, want two streams", b)
	}
	p.watch("another").close()
	other.close()
	for s.heartbeat().Here != 1 { //nolint:revive // the condition waits
	}
	seen := p.watch("l", "Last-Event-ID", first.id)
	if b := seen.heartbeat(); b.Revision != 1 {
		t.Errorf("nothing new for it: got %+v, want a heartbeat of revision 1 all the same", b)
	}
	seen.close()
	s.close()
}

// A watcher at one program sees the writes of another.
func TestEventsOfAnotherProgram(t *testing.T) {
	store := memstore.New()
	a := startOn(t, shared(store), "TODO_WATCH_FASTEST=50ms", "TODO_WATCH_SLOWEST=50ms")
	b := startOn(t, shared(store))
	s := a.watch("l")
	for _, title := range []string{"x", "y"} {
		b.Create("l", title)
		s.until(title, func(e event) bool { return strings.HasSuffix(contracttest.Titles(e.todos), title) })
	}
	s.close()
}

func TestTooManyStreams(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_MAX_STREAMS=2")
	first, second := p.watch("l"), p.watch("l")
	if a := p.Expect(503, "GET", "/api/lists/l/events", ""); a.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	first.close()
	p.watch("l").close()
	second.close()
}

// Streams of lists that were never written do not displace lists in use.
func TestStreamsLeaveRoomForLists(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_MAX_STREAMS=5", "TODO_MAX_LISTS=2")
	for i := range 5 {
		s := p.watch(fmt.Sprintf("never%d", i))
		defer s.close()
		s.next()
	}
	for _, list := range []string{"one", "two", "three"} {
		p.Expect(200, "GET", "/api/lists/"+list+"/todos", "")
	}
}

// SIGTERM ends streams at once and requests when they are answered, and leaves
// nothing behind.
func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	p := start(t, "TODO_STORE=file://"+t.TempDir(), "TODO_SHUTDOWN_DELAY=300ms")
	streams := make([]*stream, 20)
	for i := range streams {
		streams[i] = p.watch(fmt.Sprintf("l%d", i%3))
		streams[i].next()
	}
	var acknowledged sync.Map
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 8 {
		wg.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				title := fmt.Sprintf("%d-%d", i, j)
				a, err := p.Try("POST", "/api/lists/l0/todos", fmt.Sprintf(`{"title":%q}`, title))
				switch {
				case err != nil:
					// A new connection is refused at the end, or reset while it
					// waits to be accepted; a request that was read is answered.
					if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("request under way: %v", err)
					}
					return
				case a.StatusCode == 201:
					acknowledged.Store(title, true)
				case a.StatusCode != 503:
					t.Errorf("got %d %s", a.StatusCode, a.Body)
				}
			}
		})
	}
	p.cancel()
	// It is not ready, but still answers.
	eventually(t, "not ready", func() bool {
		a, err := p.Try("GET", "/readyz", "")
		return err == nil && a.StatusCode == 503 && strings.Contains(string(a.Body), "stopping")
	})
	p.Expect(200, "GET", "/livez", "")
	if err := p.stop(); err != nil {
		t.Errorf("run: got %v, want nil", err)
	}
	close(stop)
	wg.Wait()
	for _, s := range streams {
		for ended := false; !ended; {
			_, more := s.next()
			ended = !more
		}
		s.close()
	}
	p.Client.CloseIdleConnections()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+8 })
}

func TestHeartbeatKeepsStreamsOpen(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a heartbeat")
	}
	// The timeout is shorter than the heartbeat; it must not end a stream.
	p := start(t, "TODO_STORE=mem:", "TODO_READ_TIMEOUT=1s", "TODO_REQUEST_TIMEOUT=1s")
	s := p.watch("l")
	s.heartbeat() // the first is sent at once
	done := make(chan beat)
	go func() { done <- s.heartbeat() }()
	select {
	case b := <-done:
		if b != (beat{0, 1}) {
			t.Errorf("got %+v, want revision 0 and one stream", b)
		}
	case <-time.After(40 * time.Second):
		t.Error("no heartbeat")
	}
	p.Create("l", "x")
	if e := s.until("the write", func(e event) bool { return e.revision == 1 }); contracttest.Titles(e.todos) != "x" {
		t.Errorf("got %+v", e)
	}
	s.close()
}
