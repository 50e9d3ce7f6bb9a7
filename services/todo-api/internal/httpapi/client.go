package httpapi

import (
	"net/netip"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// client identifies the sender of a request for limits: a person who signed
// in, or else an IPv4 address or an IPv6 /64, which is what one customer has.
type client struct {
	address netip.Prefix
	person  string // the token's subject
}

// exempt reports whether the client is on this machine, as tests and
// benchmarks are.
func (c client) exempt() bool { return c.address.Addr().IsLoopback() }

// clientOf returns the sender of the request.
func (s *Server) clientOf(c *fiber.Ctx) client {
	if person := current(c).person; person.Subject != "" {
		return client{person: person.Subject}
	}
	return clientAt(s.clientAddress(c))
}

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
	return client{address: prefix}
}

// clientAddress returns the address of the sender: of the header that the
// operator trusts, or else of the connection.
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

// open counts the event streams that each client has open.
type open struct {
	max int

	mu    sync.Mutex
	count map[client]int
}

// enter reports whether the client may open one more, and counts it.
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
