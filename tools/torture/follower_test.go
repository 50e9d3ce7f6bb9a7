//go:build torture

package torture

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// follower follows a list by its events, and reconnects as browsers do, with
// the id of the last one.
type follower struct {
	history *history
	http    *http.Client
	server  func() string

	mu       sync.Mutex
	revision uint64
	id       string // of that event
	events   int
	streams  int
	failed   []string
}

// run follows until ctx is done.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := f.stream(ctx); err != nil && ctx.Err() == nil {
			f.mu.Lock()
			f.failed = append(f.failed, err.Error())
			f.mu.Unlock()
			// A browser waits two seconds, as the stream says.
			timer := time.NewTimer(100 * time.Millisecond)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
		}
	}
}

func (f *follower) last() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revision
}

// stream follows one answer to its end. It returns an error if it cannot connect or
// if an event is invalid.
func (f *follower) stream(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server()+"/api/lists/"+f.history.name+"/events", http.NoBody)
	if err != nil {
		return err
	}
	f.mu.Lock()
	last := f.id
	f.mu.Unlock()
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("events: got %s, want 200", resp.Status)
	}
	f.mu.Lock()
	f.streams++
	f.mu.Unlock()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	id, name := "", ""
	for lines.Scan() {
		if after, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = after
		}
		if after, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = after
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && name == "list" {
			if err := f.take(id, data); err != nil {
				return err
			}
		}
	}
	return nil // the server, or the connection to it, has ended
}

func (f *follower) take(id, data string) error {
	var event struct {
		Revision uint64
		Todos    []shown
	}
	if err := json.Unmarshal([]byte(data), &event); err != nil {
		return fmt.Errorf("event %s: %w: %s", id, err, data)
	}
	if number, _, _ := strings.Cut(id, "-"); number != strconv.FormatUint(event.Revision, 10) {
		return fmt.Errorf("event: got id %s and revision %d, want the id of that revision", id, event.Revision)
	}
	f.mu.Lock()
	before := f.revision
	f.revision, f.id = event.Revision, id
	f.events++
	first := f.events == 1
	f.mu.Unlock()
	if event.Revision <= before && !first {
		f.history.violate("stale", "a follower was told of revision %d after %d", event.Revision, before)
	}
	f.history.mu.Lock()
	f.history.views = append(f.history.views, view{event.Revision, digestOf(event.Todos)})
	f.history.mu.Unlock()
	return nil
}
