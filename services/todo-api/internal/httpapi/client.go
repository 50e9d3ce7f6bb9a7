package httpapi

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// client is who sent a request, as far as limits are concerned: an IPv4
// address, or the /64 that one customer has of IPv6.
type client netip.Prefix

// exempt reports whether the client is on this machine, as tests and
// benchmarks are.
func (c client) exempt() bool { return netip.Prefix(c).Addr().IsLoopback() }

func clientAt(address netip.Addr) client {
	address = address.Unmap().WithZone("")
	bits := 64
	switch {
	case address.Is4():
		bits = 32
	case address.IsLoopback():
		bits = 128
	}
	prefix, _ := address.Prefix(bits) // valid for every valid address
	return client(prefix)
}

// clientAddress is the address that sent the request. A header that names it is
// believed when the operator says that the proxy in front sets it.
func (s *Server) clientAddress(c *fiber.Ctx) netip.Addr {
	if s.opts.ClientAddress != "" {
		lines := c.Request().Header.PeekAll(s.opts.ClientAddress)
		if len(lines) > 0 {
			if address, ok := parseClient(string(lines[len(lines)-1]), strings.EqualFold(s.opts.ClientAddress, "CloudFront-Viewer-Address")); ok {
				return address
			}
		}
	}
	address, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return address.Unmap()
}

// parseClient reads an address as the headers of proxies have it: with a port
// or without, in brackets or quotes, as the last element of a list, which is the
// one that the nearest proxy added, or as for= of Forwarded (RFC 7239). With
// hasPort, what is behind the last colon is a port, also of an IPv6 address
// without brackets, as CloudFront-Viewer-Address writes it.
func parseClient(text string, hasPort bool) (netip.Addr, bool) {
	if i := strings.LastIndexByte(text, ','); i >= 0 {
		text = text[i+1:]
	}
	for part := range strings.SplitSeq(text, ";") {
		if key, value, found := strings.Cut(part, "="); found && strings.EqualFold(strings.TrimSpace(key), "for") {
			text = value
		}
	}
	text = strings.Trim(strings.TrimSpace(text), `"`)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap(), true
	}
	i := strings.LastIndexByte(text, ':')
	if hasPort && i > 0 && !strings.HasSuffix(text, "]") {
		if address, err := netip.ParseAddr(strings.Trim(text[:i], "[]")); err == nil {
			return address.Unmap(), true
		}
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	address, err := netip.ParseAddr(bare)
	if err != nil && i > 0 {
		address, err = netip.ParseAddr(text[:i])
	}
	return address.Unmap(), err == nil
}

// rate limits the requests of each client by the generic cell rate algorithm:
// each has its number a minute at once, and gets them back evenly.
type rate struct {
	perMinute int

	mu    sync.Mutex
	full  map[client]time.Time // when each has all its requests again
	swept time.Time
}

// maxClients bounds the clients that are remembered.
const maxClients = 100_000

// wait counts a request at a time, and returns 0 or how long its client must
// wait before the next.
func (r *rate) wait(from client, now time.Time) time.Duration {
	each := time.Minute / time.Duration(r.perMinute)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full == nil || len(r.full) >= maxClients || now.Sub(r.swept) > time.Minute {
		r.sweep(now)
	}
	full := r.full[from]
	if full.Before(now) {
		full = now
	}
	if over := full.Add(each).Sub(now) - time.Minute; over > 0 {
		return over
	}
	r.full[from] = full.Add(each)
	return 0
}

// sweep forgets clients that have all their requests, and all of them when that
// does not make room.
func (r *rate) sweep(now time.Time) {
	r.swept = now
	for from, full := range r.full {
		if full.Before(now) {
			delete(r.full, from)
		}
	}
	if r.full == nil || len(r.full) >= maxClients {
		r.full = make(map[client]time.Time)
	}
}

// open counts what each client has open.
type open struct {
	max int

	mu    sync.Mutex
	count map[client]int
}

// enter reports whether the client may have one more.
func (o *open) enter(from client) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.max > 0 && o.count[from] >= o.max && !from.exempt() {
		return false
	}
	if o.count == nil {
		o.count = make(map[client]int)
	}
	o.count[from]++
	return true
}

func (o *open) leave(from client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count[from]--; o.count[from] <= 0 {
		delete(o.count, from)
	}
}

// limit refuses clients that send too much.
func (s *Server) limit(c *fiber.Ctx) error {
	if from := clientAt(s.clientAddress(c)); !from.exempt() && !isProbe(c.Path()) {
		if wait := s.rate.wait(from, time.Now()); wait > 0 {
			p := tooManyRequests.retryable("One client may send %d requests a minute.", s.opts.RateLimit)
			p.wait = wait
			return p
		}
	}
	return c.Next()
}
