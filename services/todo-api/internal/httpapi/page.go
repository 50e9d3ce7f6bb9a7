package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
)

// pagePolicy forbids the page to load anything inline or from other origins, to be
// framed, and to connect to origins other than its own and the given ones.
func pagePolicy(origins ...string) string {
	return "default-src 'self'; connect-src 'self'" + strings.Join(append([]string{""}, origins...), " ") +
		"; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
}

var plainPolicy = pagePolicy()

// contentTypes are the types of the page's files. The operating system's table
// differs between machines.
var contentTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

// asset is a file that does not change while the process runs.
type asset struct {
	body         []byte
	contentType  string
	cacheControl string
	tag          lists.Revision

	encoding string // of body, as in Content-Encoding; "" for none
	// encoded are the same file with other encodings, the smallest first.
	encoded []*asset
}

// encodings are the encodings that the page's build writes beside a file, by the
// suffix of their names. The smallest come first.
var encodings = []struct{ suffix, name string }{{".br", "br"}, {".gz", "gzip"}}

func newAsset(contentType string, body []byte, cacheControl string) *asset {
	sum := sha256.Sum256(body)
	return &asset{body: body, contentType: contentType, cacheControl: cacheControl, tag: lists.Revision(hex.EncodeToString(sum[:8]))}
}

// accepted returns the smallest of a and its encodings that the client accepts.
func (a *asset) accepted(c *fiber.Ctx) *asset {
	lines := c.Request().Header.PeekAll(fiber.HeaderAcceptEncoding)
	if len(bytes.Join(lines, nil)) == 0 {
		return a // without the header, no encoding
	}
	for _, other := range a.encoded {
		if accepts(lines, []string{other.encoding}) {
			return other
		}
	}
	return a
}

// serve answers a GET or HEAD of a file of the page. The page may connect to the
// origins from which it obtains tokens.
func (s *Server) serve(a *asset) fiber.Handler {
	if s.opts.SignIn == nil {
		return a.serve
	}
	return func(c *fiber.Ctx) error {
		err := a.serve(c)
		c.Set(fiber.HeaderContentSecurityPolicy, pagePolicy(s.opts.SignIn.Origins()...))
		return err
	}
}

// serve answers a GET or HEAD.
func (a *asset) serve(c *fiber.Ctx) error {
	switch a.contentType {
	case "image/jpeg", "image/png", "image/webp": // compressed does not compress them
	default:
		c.Vary(fiber.HeaderAcceptEncoding)
	}
	a = a.accepted(c)
	c.Set(fiber.HeaderETag, etag(a.tag))
	c.Set(fiber.HeaderCacheControl, a.cacheControl)
	c.Set(fiber.HeaderContentSecurityPolicy, plainPolicy)
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	if has, err := condition(c, fiber.HeaderIfMatch, false); err == nil && has != nil && !has.Has(a.tag, true) {
		return conditionFailed.with("The entity tag is %s.", etag(a.tag))
	}
	if has, err := condition(c, fiber.HeaderIfNoneMatch, true); err == nil && has != nil && has.Has(a.tag, true) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, a.contentType)
	if a.encoding != "" {
		c.Set(fiber.HeaderContentEncoding, a.encoding)
	}
	return c.Send(a.body)
}

// PageSignIn is what the page needs to let people sign in by the code flow with
// PKCE.
type PageSignIn struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientId"`
	Audience string `json:"audience"`
	Scope    string `json:"scope"`
}

// pageConfig is the page's configuration: how to sign in, and where the API is: at
// the public URL if that has a path, else at the page's own origin.
func (s *Server) pageConfig() ([]byte, error) {
	config := struct {
		APIBase string      `json:"apiBase"`
		SignIn  *PageSignIn `json:"signIn,omitempty"`
	}{SignIn: s.opts.PageSignIn}
	if s.path != "" {
		config.APIBase = s.opts.PublicURL
	}
	return json.Marshal(config)
}

// loadPage returns the files of the page by path. A file with the name of another
// one and the suffix .br or .gz is an encoding of that one.
func loadPage(files fs.FS) (map[string]*asset, error) {
	page := make(map[string]*asset)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == "config.json" {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		for _, encoding := range encodings {
			if plain, ok := strings.CutSuffix(name, encoding.suffix); ok {
				if a := page["/"+plain]; a != nil { // which comes first: its name is shorter
					other := newAsset(a.contentType, body, a.cacheControl)
					other.encoding = encoding.name
					a.encoded = append(a.encoded, other)
				} else if plain != "config.json" {
					return fmt.Errorf("%s: there is no %s", name, plain)
				}
				return nil
			}
		}
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			return fmt.Errorf("%s: no media type is known for it", name)
		}
		// The build names the files below assets/ by their content.
		cacheControl := "no-cache"
		if strings.HasPrefix(name, "assets/") {
			cacheControl = "public, max-age=31536000, immutable"
		}
		a := newAsset(contentType, body, cacheControl)
		page["/"+name] = a
		if name == "index.html" {
			page["/"] = a
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return page, nil
}
