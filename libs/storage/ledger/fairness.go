package ledger

import "time"

// fairness decides when a key's committer lets other processes go first.
//
// The last writer already has the version and writes again in one round trip; a
// loser must read first and needs two. So on a busy key the winner keeps winning.
// A pause of 1.5 to 3 round trips after each commit gives the others a chance. It
// costs little, because operations that arrive meanwhile share the next write. A
// key that only this process writes to needs no pause, but a winner never learns
// that another writer lost. Therefore a busy committer pauses now and then in any
// case, and after each commit for a while after a conflict.
type fairness struct {
	notBefore time.Time // of the next commit
	others    time.Time // other writers are assumed to exist until then
	last      time.Time // commit
	streak    int       // commits close to one another without a pause
	probe     int       // how many of them there may be
}

const (
	probeFirst = 4
	probeLast  = 64
	// How long another writer is assumed to exist after a conflict.
	assumeOthers = 5 * time.Second
	// The maximum pause, even for a slow store.
	longestPause = time.Second
)

// foreign records a conflict with another writer.
func (f *fairness) foreign(now time.Time, rtt time.Duration) {
	f.others = now.Add(max(assumeOthers, 50*rtt))
}

// committed records a commit of this ledger and sets the pause after it.
func (f *fairness) committed(now time.Time, rtt time.Duration, jitter func(low, high time.Duration) time.Duration) {
	busy := now.Sub(f.last) < 6*rtt
	f.last = now
	switch {
	case now.Before(f.others):
		f.probe = probeFirst
	case !busy:
		f.streak, f.probe = 0, probeFirst
		return
	default:
		f.streak++
		if f.streak < f.probe {
			return
		}
		f.probe = min(2*f.probe, probeLast)
	}
	f.streak = 0
	f.notBefore = now.Add(min(jitter(rtt*3/2, rtt*3), longestPause))
}

// yield waits until the next commit may begin.
func (e *entry[T]) yield() {
	e.mu.Lock()
	wait := time.Until(e.fair.notBefore)
	e.mu.Unlock()
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.l.base.Done():
	}
}
