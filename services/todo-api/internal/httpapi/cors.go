package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// cors lets pages of other origins use the API (Fetch standard, 3.2). All answers
// have its headers, errors included: to a page, an error without them looks like a
// broken network.
type cors struct {
	any     bool
	origins []string
}

func newCORS(origins []string) cors {
	a := cors{any: slices.Contains(origins, "*")}
	for _, origin := range origins {
		a.origins = append(a.origins, asBrowsersWrite(origin))
	}
	return a
}

// asBrowsersWrite returns an origin in the form of the Origin header: in lower
// case, without a trailing slash and without the scheme's default port.
func asBrowsersWrite(origin string) string {
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil {
		return origin
	}
	if u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443" {
		u.Host = u.Host[:strings.LastIndexByte(u.Host, ':')]
	}
	return u.Scheme + "://" + u.Host
}

// methods are the methods of the operations.
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE"

func (a cors) allow(c *fiber.Ctx) {
	switch origin := c.Get(fiber.HeaderOrigin); {
	case a.any:
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	case len(a.origins) == 0:
		return
	default:
		c.Vary(fiber.HeaderOrigin)
		if !slices.Contains(a.origins, origin) {
			return
		}
		c.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	}
	c.Set(fiber.HeaderAccessControlExposeHeaders, "Age, Allow, ETag, Idempotency-Replayed, Location, Retry-After, WWW-Authenticate, Warning, X-Request-ID")
}

// answers sets the headers of the answer, and reports whether it handled a
// preflight request.
func (a cors) answers(c *fiber.Ctx) bool {
	if !a.any && len(a.origins) == 0 {
		return false
	}
	a.allow(c)
	if c.Method() != http.MethodOptions || c.Get(fiber.HeaderOrigin) == "" || c.Get(fiber.HeaderAccessControlRequestMethod) == "" {
		return false
	}
	c.Set(fiber.HeaderAccessControlAllowMethods, methods)
	c.Set(fiber.HeaderAccessControlAllowHeaders, "Accept, Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, Todo-Key, X-Request-ID, X-Requested-With")
	c.Set(fiber.HeaderAccessControlMaxAge, "86400")
	return true
}
