package todo

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func removal(revision uint64, titleBytes int) Removal {
	return Removal{
		Revision: revision, At: time.Date(2026, 11, 29, 1, 2, 3, 4e6, time.UTC), Kind: "clear",
		Items: []Item{{UID: "a", ID: 1, Title: strings.Repeat("x", titleBytes), Order: 1}},
	}
}

func revisions(l List) string {
	var out []string
	for _, r := range l.Removed {
		out = append(out, fmt.Sprint(r.Revision))
	}
	return strings.Join(out, ",")
}

func TestWithRemoval(t *testing.T) {
	var l List
	for i := range uint64(40) {
		before := revisions(l)
		next := l.WithRemoval(removal(i+1, 1))
		if revisions(l) != before {
			t.Fatalf("the list before has %s now, want %s", revisions(l), before)
		}
		after := revisions(next)
		if _ = l.WithRemoval(removal(99, 1)); revisions(next) != after {
			t.Fatalf("another list made of the one before: got %s, want %s", revisions(next), after)
		}
		l = next
		for _, r := range l.Removed {
			if want := len(appendRemoval(nil, &r)); r.size != want {
				t.Fatalf("revision %d: got the size %d, want %d", r.Revision, r.size, want)
			}
		}
	}
	if len(l.Removed) != MaxRemovals || l.Removed[0].Revision != 9 || l.Removed[31].Revision != 40 {
		t.Errorf("got %s, want the latest %d", revisions(l), MaxRemovals)
	}
	fixed := len(appendRemoval(nil, new(removal(1, 0))))
	l = List{}.WithRemoval(removal(1, MaxRemovedBytes/2-fixed)).WithRemoval(removal(2, MaxRemovedBytes/2-fixed))
	if got := revisions(l); got != "1,2" {
		t.Errorf("two that just fit: got %s", got)
	}
	l = List{}.WithRemoval(removal(1, MaxRemovedBytes/2-fixed)).WithRemoval(removal(2, MaxRemovedBytes/2-fixed+1))
	if got := revisions(l); got != "2" {
		t.Errorf("two that are a byte too large: got %s", got)
	}
	l = l.WithRemoval(removal(3, 2*MaxRemovedBytes))
	if got := revisions(l); got != "3" {
		t.Errorf("a large one: got %s, want it alone", got)
	}
	if got := revisions(l.RemovedSince(l.Removed[0].At)) + ";" + revisions(l.RemovedSince(l.Removed[0].At.Add(1))); got != "3;" {
		t.Errorf("since its time, and since later: got %s", got)
	}
}

func TestStoredForm(t *testing.T) {
	item := removal(1, 1).Items[0]
	for want, l := range map[string]List{
		`[]`: {},
		`[{"uid":"a","id":1,"title":"x","completed":false,"order":1}]`:                                 {Items: []Item{item}},
		`{"title":"é","items":[]}`:                                                                     {Title: "é"},
		`{"items":[],"removed":[{"rev":2,"at":"2026-11-29T01:02:03.004Z","kind":"clear","items":[]}]}`: {Removed: []Removal{{Revision: 2, At: removal(2, 0).At, Kind: "clear"}}},
		`{"title":"t","items":[{"uid":"a","id":1,"title":"x","completed":false,"order":1}],"removed":[` +
			`{"rev":2,"at":"2026-11-29T01:02:03.004Z","kind":"clear","items":[{"uid":"a","id":1,"title":"x","completed":false,"order":1}]},` +
			`{"rev":3,"at":"2026-11-29T01:02:03.004Z","kind":"clear","by":"Ánn","items":[{"uid":"a","id":1,"title":"xy","completed":false,"order":1}]}]}`: {
			Title: "t", Items: []Item{item}, Removed: []Removal{removal(2, 1), {Revision: 3, At: removal(3, 0).At, Kind: "clear", By: "Ánn", Items: []Item{{UID: "a", ID: 1, Title: "xy", Order: 1}}}},
		},
	} {
		if got := string(l.AppendList(nil)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		got, err := DecodeList([]byte(want))
		got.size = 0
		if err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%s: got %+v, %v, want %+v", want, got, err, l)
		}
	}
}

func TestDecodeRemovals(t *testing.T) {
	const good = `[{"rev":2,"at":"2026-01-02T03:04:05Z","kind":"clear","items":[{"uid":"a","id":1,"title":"x","completed":false,"order":1}]}]`
	if removals, err := DecodeRemovals([]byte(good)); err != nil || len(removals) != 1 || removals[0].Revision != 2 || removals[0].Kind != "clear" || removals[0].At.Year() != 2026 || removals[0].Items[0].Title != "x" {
		t.Fatalf("got %+v, %v", removals, err)
	}
	for body, want := range map[string]string{
		`{}`: "expected an array, got an object",
		strings.Replace(good, `"kind":"clear",`, ``, 1):         "/0: expected a member kind",
		strings.Replace(good, "2026-01-02", "yesterday", 1):     "/0/at: expected a time such as 2006-01-02T15:04:05Z",
		strings.Replace(good, `"rev":2`, `"rev":-2`, 1):         "/0/rev: expected a revision",
		strings.Replace(good, `"rev":2`, `"rev":2,"more":1`, 1): "/0/more: unknown member of a removal",
		strings.Replace(good, `"uid":"a"`, `"uid":"a b"`, 1):    "/0/items/0/uid: expected 1 to 64 letters",
	} {
		if _, err := DecodeRemovals([]byte(body)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}

// A removal at a time that a wrong clock gave does not keep others.
func TestRemovedSinceAfterClockSet(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := List{Removed: []Removal{{Revision: 1, At: now.Add(time.Hour)}, {Revision: 2, At: now.Add(-time.Hour)}, {Revision: 3, At: now}}}
	got := l.RemovedSince(now.Add(-time.Minute)).Removed
	if len(got) != 2 || got[0].Revision != 1 || got[1].Revision != 3 {
		t.Errorf("got %+v, want revisions 1 and 3", got)
	}
	if len(l.Removed) != 3 || l.Removed[1].Revision != 2 {
		t.Errorf("the list was changed: %+v", l.Removed)
	}
}
