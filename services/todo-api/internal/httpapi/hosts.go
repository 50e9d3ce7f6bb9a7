package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

var misdirected = problemKind{"misdirected", http.StatusMisdirectedRequest, "This server does not answer for this host"}

// hosts are the names that the server answers for. A page of another site can
// have its name resolve to 127.0.0.1 and then read what a server on the user's
// machine has (DNS rebinding); the Host header still has that site's name.
type hosts struct {
	any   bool
	named []string
	// everywhere: the operator named hosts, so they hold on every address.
	everywhere bool
}

func newHosts(allowed []string, publicURL string) hosts {
	h := hosts{any: slices.Contains(allowed, "*"), everywhere: len(allowed) > 0}
	for _, host := range allowed {
		h.named = append(h.named, strings.ToLower(host))
	}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		h.named = append(h.named, strings.ToLower(u.Hostname()))
	}
	return h
}

// check refuses a request for an unknown host.
func (h hosts) check(c *fiber.Ctx) error {
	if h.any || isProbe(c.Path()) && !onLoopback(c) {
		return nil
	}
	if !h.everywhere && !onLoopback(c) {
		return nil
	}
	host := strings.ToLower(string(c.Request().Host()))
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	// A browser always sends Host; probes by HTTP/1.0 need not.
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(h.named, host) {
		return nil
	}
	if address, err := netip.ParseAddr(host); err == nil && (address.Unmap().IsLoopback() || h.everywhere && isProbe(c.Path())) {
		return nil
	}
	return misdirected.with("Add the host to TODO_ALLOWED_HOSTS, or set TODO_PUBLIC_URL, if this server is meant to be reached by it.")
}

func onLoopback(c *fiber.Ctx) bool { return c.Context().LocalIP().IsLoopback() }
