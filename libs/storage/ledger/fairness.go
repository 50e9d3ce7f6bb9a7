package ledger

import "time"

// fairness decides when a key's committer lets other processes go first.
//
// The last writer already has the version and writes again in one round trip; a
// loser must read first and needs two. So on a busy key the winner keeps winning. A pause of 1.5 to 3 round trips after each commit lets the
// others in, and costs little because what arrives meanwhile shares the next
// write. A key that only this process writes to needs no pause, but a winner
// never learns that another writer lost. Therefore a busy committer pauses now
// and then even so, and always for a while after it has met another writer.
type fairness struct {
	notBefore time.Time // of the next commit
	others    time.Time // other writers are assumed until then
	last      time.Time // commit
	streak    int       // commits close to one another without a pause
	probe     int       // how many of them there may be
}

const (
	probeFirst = 4
	probeLast  = 64
	// How long another writer, once met, is assumed to be there.
	assumeOthers = 5 * time.Second
	// No pause is longer, however slow the store.
	longestPause = time.Second
)

// foreign notes that another writer was met.
func (f *fairness) foreign(now time.Time, rtt time.Duration) {
	f.others = now.Add(max(assumeOthers, 50*rtt))
}

// committed notes a commit of our own and sets the pause after it.
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
