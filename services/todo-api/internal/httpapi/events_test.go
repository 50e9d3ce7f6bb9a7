package httpapi

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// watching is a client of an event stream on a connection of its own.
type watching struct {
	*net.TCPConn
	t     *testing.T
	lines *bufio.Reader
}

// watch opens an event stream and reads its first heartbeat. after is sent in the
// same packet as the request.
func (a *api) watch(t *testing.T, list, from, after string) *watching {
	t.Helper()
	opened, err := net.Dial("tcp", strings.TrimPrefix(a.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	_ = opened.SetDeadline(time.Now().Add(time.Minute)) // a fault ends the test
	w := &watching{opened.(*net.TCPConn), t, bufio.NewReader(opened)}
	if _, err := fmt.Fprintf(w, "GET /api/lists/%s/events HTTP/1.1\r\nHost: localhost\r\nX-Client: %s\r\n\r\n%s", list, from, after); err != nil {
		t.Fatal(err)
	}
	if status := w.line(); status != "HTTP/1.1 200 OK" {
		t.Fatalf("got %s, want 200", status)
	}
	w.until(`"here":`)
	return w
}

func (w *watching) line() string {
	w.t.Helper()
	line, err := w.lines.ReadString('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// until reads up to a line that contains text.
func (w *watching) until(text string) {
	w.t.Helper()
	for !strings.Contains(w.line(), text) { //nolint:revive // the condition reads
	}
}

// detectors are both ways to detect closed connections.
var detectors = map[string]func() hangups{"one goroutine": newHangups, "goroutines": func() hangups { return readers{} }}

// serveDetecting serves with a detector, and without heartbeats but those it causes.
func serveDetecting(t *testing.T, made func() hangups, change func(*Options)) *api {
	t.Helper()
	a := serve(t, func(o *Options) { o.heartbeat = time.Hour; change(o) })
	_ = a.hangups.Close()
	a.hangups = made()
	return a
}

// A stream whose client has gone stops counting before the next heartbeat: another
// may be opened in its place, and the other watchers of the list are told.
func TestClosedStreamsLeaveAtOnce(t *testing.T) {
	const limit = 3
	closings := map[string]func(*watching){
		"close":                 func(w *watching) { w.Close() },
		"reset":                 func(w *watching) { _ = w.SetLinger(0); w.Close() },
		"half first":            func(w *watching) { _ = w.CloseWrite(); w.Close() },
		"half first, and reset": func(w *watching) { _ = w.CloseWrite(); _ = w.SetLinger(0); w.Close() },
		"pipelined":             func(w *watching) { _, _ = w.Write([]byte(strings.Repeat("x", 10_000))); w.Close() },
	}
	for name, made := range detectors {
		for how, end := range closings {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				a := serveDetecting(t, made, func(o *Options) { o.ClientStreams = limit })
				other := a.watch(t, "l", "198.51.100.1", "")
				for range 3 {
					var streams []*watching
					for range limit {
						streams = append(streams, a.watch(t, "l", "203.0.113.9", ""))
					}
					other.until(fmt.Sprintf(`"here":%d`, 1+limit))
					for _, s := range streams {
						end(s)
					}
				}
				other.until(`"here":1}`)
			})
		}
	}
}

// A reload closes its streams while it opens new ones, on all of max_streams.
func TestStreamsAreReplaced(t *testing.T) {
	a := serve(t, func(o *Options) { o.MaxStreams, o.heartbeat = 3, time.Hour })
	var streams []*watching
	for i := range 30 {
		if i >= 3 {
			go streams[i-3].Close()
		}
		streams = append(streams, a.watch(t, "l", "203.0.113.9", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	}
}

// A client that has closed its half of the connection still gets events (RFC
// 9112, 9.6).
func TestHalfClosedStreamsGoOn(t *testing.T) {
	for name, made := range detectors {
		t.Run(name, func(t *testing.T) {
			a := serveDetecting(t, made, func(*Options) {})
			w := a.watch(t, "l", "203.0.113.9", "")
			if err := w.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			w.until(`"here":1}`)
			a.Create("l", "x")
			w.until(`"title":"x"`)
			a.Create("l", "y")
			w.until(`"title":"y"`)
		})
	}
}

// A client that closes the rest of the connection later leaves soon, though it
// sends nothing then.
func TestHalfClosedStreamsEnd(t *testing.T) {
	for name, made := range detectors {
		t.Run(name, func(t *testing.T) {
			a := serveDetecting(t, made, func(*Options) {})
			other := a.watch(t, "l", "198.51.100.1", "")
			w := a.watch(t, "l", "203.0.113.9", "")
			if err := w.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			for range 5 { // more than what else happens
				w.until(`"here":2}`)
			}
			w.Close()
			other.until(`"here":1}`)
		})
	}
}
