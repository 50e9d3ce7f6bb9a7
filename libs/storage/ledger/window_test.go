package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// land lands n operations in one commit, or each in its own.
func land(t *testing.T, l *ledger.Ledger[int], from, n int, together bool) {
	t.Helper()
	var ops []ledger.Op[int]
	for i := range n {
		ops = append(ops, ledger.Op[int]{ID: fmt.Sprint("id-", from+i), Apply: add(1)})
		if !together || i == n-1 {
			if _, errs := l.UpdateAll(t.Context(), "k", ops); errors.Join(errs...) != nil {
				t.Fatal(errors.Join(errs...))
			}
			ops = nil
		}
	}
}

// The window of remembered ids is what the options promise, however the
// operations are spread over commits and time.
func TestRememberedWindow(t *testing.T) {
	for name, c := range map[string]struct {
		o              ledger.Options[int]
		first, later   int // operations; first in one commit
		together       bool
		after          time.Duration // between the two
		repeat         int           // id
		wantRemembered bool
	}{
		"large first commit":                 {ledger.Options[int]{}, 512, 3585, false, 0, 511, true},
		"the first of the last 4,096":        {ledger.Options[int]{}, 512, 3584, true, 0, 0, true},
		"small numbers":                      {ledger.Options[int]{RememberMin: 1, RememberMax: 10}, 10, 1, false, 0, 9, true},
		"among the last RememberMax":         {ledger.Options[int]{RememberMin: 1, RememberMax: 10}, 4, 9, false, 0, 3, true},
		"no longer among them":               {ledger.Options[int]{RememberMin: 1, RememberMax: 10}, 4, 10, false, 0, 3, false},
		"in one commit larger than all":      {ledger.Options[int]{RememberMin: 1, RememberMax: 10}, 20, 9, true, 0, 19, true},
		"within RememberFor":                 {ledger.Options[int]{RememberMin: 2}, 1, 3, false, time.Minute, 0, true},
		"within RememberFor and skew":        {ledger.Options[int]{RememberMin: 2}, 1, 3, false, 89 * time.Second, 0, true},
		"later":                              {ledger.Options[int]{RememberMin: 2}, 1, 3, false, 92 * time.Second, 0, false},
		"later, among the last RememberMin":  {ledger.Options[int]{RememberMin: 4}, 1, 3, false, time.Hour, 0, true},
		"later, RememberMin in one commit":   {ledger.Options[int]{RememberMin: 4}, 3, 3, true, time.Hour, 2, true},
		"later, behind RememberMin together": {ledger.Options[int]{RememberMin: 4}, 3, 5, true, time.Hour, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.o.Logger = quietly
				l := open(t, memstore.New(), c.o)
				land(t, l, 0, c.first, true)
				time.Sleep(c.after)
				land(t, l, c.first, c.later, c.together)
				r, err := l.Update(t.Context(), "k", ledger.Op[int]{ID: fmt.Sprint("id-", c.repeat), Apply: add(1)})
				if err != nil || r.Replayed != c.wantRemembered {
					t.Errorf("id-%d after %d later operations: got replayed %t, %v, want %t", c.repeat, c.first-1-c.repeat+c.later, r.Replayed, err, c.wantRemembered)
				}
			})
		})
	}
}

// An operation with an ID that changed nothing is answered as it was then, not
// applied to what the document became.
func TestUnchangedIsRemembered(t *testing.T) {
	l := open(t, memstore.New(), ledger.Options[int]{Logger: quietly})
	addToNothing := ledger.Op[int]{ID: "a", Apply: func(s ledger.State[int]) (ledger.Change[int], error) {
		if s.Doc != 0 {
			return ledger.Change[int]{Doc: 100}, nil
		}
		return ledger.Change[int]{Unchanged: true, Result: []byte("nothing")}, nil
	}}
	first, err := l.Update(t.Context(), "k", addToNothing)
	if err != nil || !first.Unchanged || first.Revision != 1 {
		t.Fatalf("first: got %+v, %v", first, err)
	}
	if _, err := l.Update(t.Context(), "k", ledger.Op[int]{Apply: add(5)}); err != nil {
		t.Fatal(err)
	}
	again, err := l.Update(t.Context(), "k", addToNothing)
	if err != nil || !again.Replayed || string(again.Result) != "nothing" || again.Snapshot.Doc != 5 {
		t.Errorf("again: got %+v, %v, want the first answer and the document as it is", again, err)
	}
}

// A writer whose clock is ahead forgets nothing of the last RememberMin, and
// the others log it once.
func TestFastClock(t *testing.T) {
	store := newShared()
	var log lines
	run := func(after time.Duration, from int, logger *slog.Logger) {
		synctest.Test(t, func(t *testing.T) { // each bubble has a clock of its own, which begins at the same time
			time.Sleep(after)
			l := ledger.New(store, ledger.Options[int]{RememberMin: 8, Logger: logger})
			land(t, l, from, 4, false)
			for i := range 4 {
				if from == 0 {
					break
				}
				r, err := l.Update(t.Context(), "k", ledger.Op[int]{ID: fmt.Sprint("id-", from-4+i), Apply: add(1)})
				if err != nil || !r.Replayed {
					t.Errorf("id-%d is among the last 8: got %+v, %v", from-4+i, r, err)
				}
			}
			if err := l.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	run(0, 0, quietly)
	run(24*time.Hour, 4, quietly)
	run(0, 8, slog.New(slog.NewTextHandler(&log, nil)))
	if got := log.count("ahead"); got != 1*2 { // the message and the attribute
		t.Errorf("log: got %d, want one line:\n%s", got, &log)
	}
}
