package httpapi

import (
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jellydator/ttlcache/v3"
	"golang.org/x/time/rate"
)

// The work of a client is counted in units. A request costs one unit, about the
// work of reading a small list, and one more for each 64 KiB of memory that it
// needs for a large list or body. Each operation of a batch after the first costs
// one more, and one for each 64 KiB of the list. openapi.yaml documents this for
// clients.
const unit = 64 << 10

const (
	// maxClients is the maximum number of remembered clients. The least recently
	// seen one is forgotten first.
	maxClients = 50_000
	// turn is the maximum time that a request waits for its units. A refusal waits
	// as long, so that a client that retries at once does not keep the server
	// busy.
	turn = time.Second
)

// rates limits the units of each client per minute. After a pause, a client may
// use the units of a minute at once.
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
		// A budget is full again after a minute, or a little later if it owes units.
		budgets: ttlcache.New(ttlcache.WithCapacity[client, *rate.Limiter](maxClients), ttlcache.WithTTL[client, *rate.Limiter](5*time.Minute)),
	}
}

func (r *rates) budget(from client) *rate.Limiter {
	budget, _ := r.budgets.GetOrSetFunc(from, func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(float64(r.perMinute)/60), r.perMinute)
	})
	return budget.Value()
}

// take charges units to a request that may have been charged before, and returns
// the time until they are available. If that is longer than patience, it charges
// nothing, reports false, and returns the time until all units of the request are
// available. No request needs more units than a minute has.
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

// owe charges units for work that is already done, even if they are not
// available.
func (r *rates) owe(from client, units int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget(from).ReserveN(r.now(), min(units, r.perMinute))
}

// limit delays the requests of clients that exceed their rate, and refuses those
// that would have to wait too long.
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

// charge charges more units to the request, or refuses it.
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

// settle charges the units that were unknown before, of a list that was not in memory
// or of a body without Content-Length.
func (s *Server) settle(c *fiber.Ctx, r *request) {
	if r.payer == nil {
		return
	}
	if late := s.unitsOf(r, bodySize(c)) - r.units; late > 0 {
		s.rates.owe(*r.payer, late)
	}
}

// unitsOf returns the known units of the request; a batch costs more.
func (s *Server) unitsOf(r *request, body int64) int {
	size, _ := s.opts.Lists.Size(r.list)
	return 1 + int(r.op.memory(max(size, min(body, maxBody)))/unit)
}

// chargeOperations charges the units of a batch's operations.
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
