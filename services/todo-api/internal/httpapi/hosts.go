package httpapi

import (
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/recent"
)

var misdirected = problemKind{"misdirected", http.StatusMisdirectedRequest, "This server does not answer for this host"}

// hosts are the host names that the server accepts. Another site can let its name
// resolve to 127.0.0.1, so that its pages can read from a server on the user's
// machine (DNS rebinding). Host then contains the name of that site.
type hosts struct {
	any   bool
	named []string
	// everywhere means that the operator named hosts, so other names are refused on
	// every address.
	everywhere bool
	// recent are hosts that were allowed, because parsing one costs a fiftieth of a
	// small answer.
	recent *recent.Table[struct{}]
}

func newHosts(allowed []string, publicURL string) hosts {
	h := hosts{any: slices.Contains(allowed, "*"), everywhere: len(allowed) > 0, recent: recent.New[struct{}](64)}
	for _, host := range allowed {
		h.named = append(h.named, normalHost(host))
	}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		h.named = append(h.named, normalHost(u.Host))
	}
	return h
}

// normalHost returns host in the form in which hosts are compared: in lower case,
// without a port, brackets and a trailing dot; addresses are in their shortest
// form.
func normalHost(host string) string {
	if strings.IndexByte(host, ':') >= 0 { // the error for a host without a port is costly
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if address, ok := addressOf(host); ok {
		return address.String()
	}
	return host
}

// addressOf is [netip.ParseAddr], but avoids its costly error for most names: IPv4
// addresses end in a digit, and names have no colon.
func addressOf(host string) (netip.Addr, bool) {
	if host == "" || (host[len(host)-1] < '0' || host[len(host)-1] > '9') && strings.IndexByte(host, ':') < 0 {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(host)
	return address, err == nil
}

var errUnknownHost = misdirected.with("Add the host to TODO_ALLOWED_HOSTS, or set TODO_PUBLIC_URL, if this server is meant to be reached by it.")

// check refuses a request for an unknown host.
func (h hosts) check(c *fiber.Ctx) error {
	// No request may have user information (RFC 9110, 4.2.4 and 7.2). fasthttp
	// removes it.
	uri := c.Request().URI()
	if bytes.IndexByte(c.Request().Header.Host(), '@') >= 0 || len(uri.Username()) > 0 {
		return invalidRequest.with("Header Host: expected a host name or address, without user information.")
	}
	if scheme := string(uri.Scheme()); scheme != "http" && scheme != "https" {
		return invalidRequest.with("The address: expected the scheme http or https.")
	}
	// fasthttp requires Host only if it has parsed the request as HTTP/1.1, and not in
	// an address.
	if header := &c.Request().Header; header.IsHTTP11() && (len(header.Host()) == 0 || len(uri.Host()) == 0) {
		return serverProblem(fiber.ErrBadRequest)
	}
	if !h.allow(string(c.Request().Host()), onLoopback(c), isProbe(c.Path())) {
		return errUnknownHost
	}
	return nil
}

// allow reports whether the server accepts host. Probes by load balancers and
// Prometheus have an address.
func (h hosts) allow(host string, loopback, probe bool) bool {
	if h.any || !loopback && (probe || !h.everywhere) {
		return true
	}
	if _, ok := h.recent.Get(host); ok {
		return true
	}
	name := normalHost(host)
	// A browser always sends Host; probes by HTTP/1.0 need not.
	if name == "" || IsLocal(name) || slices.Contains(h.named, name) {
		h.recent.Put(host, struct{}{})
		return true
	}
	_, ok := addressOf(name)
	return ok && h.everywhere && probe
}

// IsLocal reports whether host, in lower case and without brackets, is a
// loopback address or a name that only resolves to one (RFC 6761, 6.3).
func IsLocal(host string) bool {
	address, ok := addressOf(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ok && address.Unmap().IsLoopback()
}

func onLoopback(c *fiber.Ctx) bool { return c.Context().LocalIP().IsLoopback() }
