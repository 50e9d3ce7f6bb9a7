package httpapi

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type valueKey struct{}

// A deadline behaves like a context of context.WithTimeout, whichever method is
// called first.
func TestDeadlineIsAContext(t *testing.T) {
	for name, first := range map[string]func(context.Context){
		"nothing": func(context.Context) {},
		"waited for": func(ctx context.Context) {
			_ = ctx.Done()
		},
		"with a child": func(ctx context.Context) {
			child, cancel := context.WithCancel(ctx)
			t.Cleanup(cancel)
			_ = child
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, stop := context.WithCancel(context.WithValue(t.Context(), valueKey{}, "value"))
				defer stop()
				under := func(p context.Context) *deadline {
					d := &deadline{Context: p, at: time.Now().Add(time.Second)}
					first(d)
					if at, ok := d.Deadline(); !ok || !at.Equal(d.at) {
						t.Errorf("got the deadline %v, %v, want %v", at, ok, d.at)
					}
					if d.Err() != nil || d.Value(valueKey{}) != "value" {
						t.Errorf("at the start: got %v and the value %v", d.Err(), d.Value(valueKey{}))
					}
					return d
				}
				wait := func(d *deadline, want error) {
					t.Helper()
					child, cancel := context.WithTimeout(d, time.Hour)
					defer cancel()
					<-child.Done()
					<-d.Done()
					if !errors.Is(child.Err(), want) || !errors.Is(d.Err(), want) {
						t.Errorf("got %v, and %v of its child, want %v", d.Err(), child.Err(), want)
					}
				}
				late := under(parent)
				time.Sleep(2 * time.Second)
				if err := late.Err(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("after the deadline: got %v", err)
				}
				wait(late, context.DeadlineExceeded)
				wait(under(parent), context.DeadlineExceeded)

				ended := under(parent)
				ended.end()
				if !errors.Is(ended.Err(), context.Canceled) {
					t.Errorf("after its end: got %v", ended.Err())
				}
				wait(ended, context.Canceled)

				orphan := under(parent)
				stop()
				if !errors.Is(orphan.Err(), context.Canceled) {
					t.Errorf("after its parent's end: got %v", orphan.Err())
				}
				wait(orphan, context.Canceled)
				soon, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Millisecond))
				defer cancel()
				if at, _ := (&deadline{Context: soon, at: time.Now().Add(time.Second)}).Deadline(); time.Until(at) > time.Millisecond {
					t.Errorf("got %v, want the parent's deadline, which is earlier", at)
				}
			})
		})
	}
}
