package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/httpapi"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/redishints"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin"
)

// check refuses values that libs/config accepts but that cannot work, such as an
// origin that no browser sends or a URL that is not the address of a server.
func (s settings) check() error {
	var errs []error
	refuse := func(variable, value, expected string) {
		errs = append(errs, fmt.Errorf("%s: expected %s, got %q", variable, expected, value))
	}
	for _, origin := range s.CORSOrigins {
		if origin == "*" {
			continue
		}
		if u, err := url.Parse(origin); err != nil || !isServer(u) || u.Path != "" && u.Path != "/" || strings.ContainsAny(origin, "*#") {
			refuse("TODO_CORS_ORIGINS", origin, "* or scheme, host and port alone, such as https://example.com; a wildcard in a host, a path or a query never matches an origin, and a host name beyond ASCII is written as xn--")
		}
	}
	if s.PublicURL != nil && (!isServer(s.PublicURL) || !isCleanPath(s.PublicURL.Path)) {
		refuse("TODO_PUBLIC_URL", s.PublicURL.Redacted(), "an address of http or https without user, query or fragment, with a host name in ASCII (others are written as xn--) or an IP address, and no . or .. or // in its path, such as https://todo.example.com")
	}
	if s.OTLPEndpoint != "" {
		if u, err := url.Parse(s.OTLPEndpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u) {
			refuse("TODO_OTLP_ENDPOINT", s.OTLPEndpoint, "an address of http or https, such as http://localhost:4318")
		}
	}
	if h := s.ClientAddressHeader; h != "" && (!httpguts.ValidHeaderFieldName(h) || holdsNoAddress(h)) {
		refuse("TODO_CLIENT_ADDRESS_HEADER", h, "the name of a header that a proxy sets to an address, such as CloudFront-Viewer-Address")
	}
	if strings.ContainsAny(s.Store, `"'`) || strings.TrimSpace(s.Store) != s.Store {
		refuse("TODO_STORE", s.Store, "a URL without quotes or space around it, such as file:///var/lib/todo")
	}
	s.checkSignIn(refuse)
	if s.Hints != "" {
		if _, err := redishints.Parse(string(s.Hints)); err != nil {
			errs = append(errs, fmt.Errorf("TODO_HINTS: %w", err))
		}
	}
	return errors.Join(errs...)
}

// holdsNoAddress reports whether a header never contains a client's address:
// clients set it, it frames the message, or it has another meaning here.
func holdsNoAddress(header string) bool {
	name := http.CanonicalHeaderKey(header)
	if !httpguts.ValidTrailerHeader(name) || slices.Contains(otherHeaders, name) {
		return true
	}
	return name != "X-Forwarded-For" && slices.ContainsFunc(otherPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// otherPrefixes and otherHeaders are those that httpguts does not know.
var (
	otherPrefixes = []string{"Accept", "Access-Control-", "Content-", "Cross-Origin-", "Proxy-", "Sec-", "Todo-", "X-Forwarded-"}
	otherHeaders  = []string{
		"Age", "Allow", "Alt-Svc", "Alt-Used", "Baggage", "Cookie", "Cookie2", "Date", "Dnt", "Early-Data", "Etag", "Expires", "From", "Http2-Settings", "Idempotency-Key",
		"Last-Event-Id", "Last-Modified", "Link", "Location", "Origin", "Prefer", "Priority", "Referer", "Retry-After", "Server", "Set-Cookie", "Traceparent",
		"Tracestate", "Upgrade", "Upgrade-Insecure-Requests", "User-Agent", "Vary", "Via", "Warning", "X-Request-Id", "X-Requested-With",
	}
)

// checkSignIn refuses incomplete and invalid sign-in settings.
func (s settings) checkSignIn(refuse func(variable, value, expected string)) {
	if s.OIDCIssuer == "" {
		if s.OIDCScope != defaults().OIDCScope {
			refuse("TODO_OIDC_SCOPE", s.OIDCScope, "TODO_OIDC_ISSUER beside it")
		}
		for variable, value := range map[string]string{
			"TODO_OIDC_AUDIENCE": s.OIDCAudience, "TODO_OIDC_ALLOW": strings.Join(s.OIDCAllow, ","), "TODO_OIDC_CLIENT_ID": s.OIDCClientID,
		} {
			if value != "" {
				refuse(variable, value, "TODO_OIDC_ISSUER beside it")
			}
		}
		return
	}
	if u, err := url.Parse(s.OIDCIssuer); err != nil || !isServer(u) || u.Scheme != "https" && !httpapi.IsLocal(u.Hostname()) {
		refuse("TODO_OIDC_ISSUER", s.OIDCIssuer, "an address of https without a query, such as https://login.example.com; http is for this machine alone")
	}
	if s.OIDCAudience == "" {
		refuse("TODO_OIDC_AUDIENCE", "", "the audience that the issuer writes into tokens for this API")
	}
	for _, allow := range s.OIDCAllow {
		if _, err := signin.ParseClaim(allow); err != nil {
			refuse("TODO_OIDC_ALLOW", allow, "claim=value, such as groups=todo or email=@example.com")
		}
	}
	if !slices.Contains(strings.Fields(s.OIDCScope), "openid") {
		refuse("TODO_OIDC_SCOPE", s.OIDCScope, "scopes separated by spaces, with openid among them")
	}
}

// isServer reports whether u is an http or https URL that consists of a host and
// possibly a path.
func isServer(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && isHost(u) && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// hostName is a host name. Names of containers may have underscores.
// Clients parse a name whose last label is a number as an IPv4 address (URL
// Standard, 3.5).
var (
	hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)
	number   = regexp.MustCompile(`^(0[xX][[:xdigit:]]*|\d+)$`)
)

// isHost reports whether u has a valid host name or IP address, and a valid port
// or none.
func isHost(u *url.URL) bool {
	name := strings.TrimSuffix(u.Hostname(), ".")
	labels := strings.Split(name, ".")
	if net.ParseIP(name) == nil && (!hostName.MatchString(name) || len(name) > 253 || number.MatchString(labels[len(labels)-1]) ||
		slices.ContainsFunc(labels, func(label string) bool { return len(label) > 63 })) {
		return false
	}
	port := u.Port()
	if port == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	value, err := strconv.ParseUint(port, 10, 16)
	return err == nil && value > 0 && port[0] != '0'
}

// isCleanPath reports whether clients and proxies leave a path as it is: clients
// resolve . and .., and proxies merge slashes.
func isCleanPath(p string) bool {
	p = strings.TrimSuffix(p, "/")
	return p == "" || p != "/" && path.Clean(p) == p && !strings.Contains(p, `\`)
}
