package httpapi

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// client identifies the sender of a request for limits: a person who signed in, or
// else an IPv4 address or an IPv6 /64, the usual allocation to one customer.
type client struct {
	address netip.Prefix
	person  string // the token's subject
}

// exempt reports whether the client is on this machine, such as a test or a
// benchmark.
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

// clientAddress returns the address of the sender, from the header that the operator
// trusts or else from the connection.
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

// parseClient parses an address in the forms that proxies write: with or without a
// port, in brackets or quotes, or as for= of Forwarded (RFC 7239). Of a list it
// takes the last element, which the nearest proxy added. If hasPort is true, the
// text after the last colon is a port even after an IPv6 address without brackets,
// the form of CloudFront-Viewer-Address.
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

// open counts the open event streams, in total and of each client.
type open struct {
	max         int
	maxOfClient int // 0: any number

	mu    sync.Mutex
	all   int
	count map[client]int
	left  chan struct{} // closed when a stream has ended
}

// enter counts one more stream of a client. If there are too many, it waits up to
// a second for one to end: a reloaded page may open its streams before the server
// has noticed that the old ones are closed.
func (o *open) enter(closing <-chan struct{}, from client) error {
	for over := time.After(turn); ; {
		left, err := o.tryEnter(from)
		if err == nil {
			return nil
		}
		select {
		case <-left:
		case <-over:
			return err
		case <-closing:
			return err
		}
	}
}

// tryEnter is enter without waiting. If there are too many streams, it returns an
// error, and a channel that is closed when one of them has ended.
func (o *open) tryEnter(from client) (left <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.all >= o.max:
		err = overloaded.retryable("At most %d event streams are open at a time.", o.max)
	case o.maxOfClient > 0 && o.count[from] >= o.maxOfClient && !from.exempt():
		err = tooManyRequests.retryable("One client may have %d event streams open.", o.maxOfClient)
	default:
		if o.count == nil {
			o.count = make(map[client]int)
		}
		o.all++
		o.count[from]++
		return nil, nil
	}
	if o.left == nil {
		o.left = make(chan struct{})
	}
	return o.left, err
}

func (o *open) leave(from client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all--
	if o.count[from]--; o.count[from] <= 0 {
		delete(o.count, from)
	}
	if o.left != nil {
		close(o.left)
		o.left = nil
	}
}
