package httpapi

import (
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

// pagePolicy lets the page load nothing from elsewhere and nothing inline, and
// be framed by nobody.
const pagePolicy = "default-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"

// contentTypes is what the page is made of. The operating system's own table
// differs from machine to machine.
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
}

func newAsset(contentType string, body []byte, cacheControl string) *asset {
	sum := sha256.Sum256(body)
	return &asset{body, contentType, cacheControl, lists.Revision(hex.EncodeToString(sum[:8]))}
}

// serve answers a GET or HEAD.
func (a *asset) serve(c *fiber.Ctx) error {
	c.Set(fiber.HeaderETag, etag(a.tag))
	c.Set(fiber.HeaderCacheControl, a.cacheControl)
	c.Set(fiber.HeaderContentSecurityPolicy, pagePolicy)
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	if has, err := condition(c, fiber.HeaderIfNoneMatch, true); err == nil && has != nil && has.Has(a.tag, true) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, a.contentType)
	return c.Send(a.body)
}

// pageConfig is what the page reads to find the API: the public URL if that has
// a path, else the page's own origin.
func (s *Server) pageConfig() ([]byte, error) {
	config := struct {
		APIBase string `json:"apiBase"`
	}{}
	if s.path != "" {
		config.APIBase = s.opts.PublicURL
	}
	return json.Marshal(config)
}

// loadPage returns the files of the page by the path that each is served at.
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
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			return fmt.Errorf("%s: no media type is known for it", name)
		}
		// The build names what is below assets/ after its content.
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
