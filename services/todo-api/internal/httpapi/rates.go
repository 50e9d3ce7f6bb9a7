package httpapi

import (
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jellydator/ttlcache/v3"
	"golang.org/x/time/rate"
)

// The work of a client is counted in units. A request takes one, which is about
// what reading a small list takes, and one more for each 64 KiB of memory that
// it needs for a large list or body. In a batch, each operation but the first
// takes one more, and one for each 64 KiB of the list. openapi.yaml says so to
// clients.
const unit = 64 << 10

const (
	// maxClients bounds the clients that are remembered. The one that was
	// longest away is forgotten first.
	maxClients = 50_000
	// turn is how long a request may wait for its turn. A refusal waits as
	// long, so that a client that repeats it at once does not keep the server
	// busy.
	turn = time.Second
)

// rates limits the units that each client takes in a minute. A client that was
// away has those of a minute at once.
type rates struct {
	perMinute int
	now       func() time.Time

	mu      sync.Mutex // makes a reservation and its cancellation one step
	budgets *ttlcache.Cache[client, *rate.Limiter]
}

func newRates(perMinute int) *rates {
	return &rates{
		perMinute: perMinute,
		now:       time.Now,
		// A budget is full again after a minute, or soon after where it owes.
		budgets: ttlcache.New(ttlcache.WithCapacity[client, *rate.Limiter](maxClients), ttlcache.WithTTL[client, *rate.Limiter](5*time.Minute)),
	}
}

func (r *rates) budget(from client) *rate.Limiter {
	budget, _ := r.budgets.GetOrSetFunc(from, func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(float64(r.perMinute)/60), r.perMinute)
	})
	return budget.Value()
}

// take takes units for a request that has taken some before, and returns after
// which time they are there. If that is longer than patience, it takes nothing,
// reports false, and returns after which time the whole request can have its
// units. No request needs more than those of a minute.
func (r *rates) take(from client, before, units int, patience time.Duration) (wait time.Duration, ok bool) {
	units = min(units, r.perMinute-before)
	r.mu.Lock()
	defer r.mu.Unlock()
	budget, now := r.budget(from), r.now()
	taken := budget.ReserveN(now, units)
	if wait = taken.DelayFrom(now); wait <= patience {
		return wait, true
	}
	taken.CancelAt(now)
	whole := budget.ReserveN(now, before+units)
	defer whole.CancelAt(now)
	return whole.DelayFrom(now), false
}

// owe takes units for work that was done already, whether they are there or
// not.
func (r *rates) owe(from client, units int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget(from).ReserveN(r.now(), min(units, r.perMinute))
}

// limit makes clients that ask for too much wait for their turn, and refuses
// them when it is far.
func (s *Server) limit(c *fiber.Ctx) error {
	from := s.clientOf(c)
	if from.exempt() || isProbe(c.Path()) {
		return c.Next()
	}
	r := current(c)
	r.payer, r.units = &from, 1
	wait, ok := s.rates.take(from, 0, 1, turn)
	if wait > 0 {
		timer := time.NewTimer(min(wait, turn))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.closing:
		}
	}
	if !ok {
		return s.overRate(r, wait-turn)
	}
	return c.Next()
}

// charge takes units for the request in addition to those already taken, or
// refuses it.
func (s *Server) charge(r *request, units int) error {
	if r.payer == nil || units <= 0 {
		return nil
	}
	before := r.units
	r.units += units
	if wait, ok := s.rates.take(*r.payer, before, units, 0); !ok {
		return s.overRate(r, wait)
	}
	return nil
}

// settle takes the units that were not known when the request was charged: those
// of a list that was not in memory, and of a body that did not tell its size.
func (s *Server) settle(c *fiber.Ctx, r *request) {
	if r.payer == nil {
		return
	}
	if late := s.unitsOf(r, bodySize(c)) - r.units; late > 0 {
		s.rates.owe(*r.payer, late)
	}
}

// unitsOf is what the request takes, as far as it is known; a batch takes more.
func (s *Server) unitsOf(r *request, body int64) int {
	size, _ := s.opts.Lists.Size(r.list)
	return 1 + int(r.op.memory(max(size, min(body, maxBody)))/unit)
}

// chargeOperations takes the units of the operations of a batch.
func (s *Server) chargeOperations(r *request, operations int) error {
	size, _ := s.opts.Lists.Size(r.list)
	return s.charge(r, (operations-1)*(1+int(size/unit)))
}

func (s *Server) overRate(r *request, wait time.Duration) error {
	p := tooManyRequests.retryable("One client may use %d units a minute. A request takes one, or more if the list is large or it has many operations; this one takes %d.",
		s.opts.RateLimit, min(r.units, s.opts.RateLimit))
	p.wait = max(wait, 1)
	return p
}
