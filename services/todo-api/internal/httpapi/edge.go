package httpapi

import (
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/time/rate"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// request is the state of a request, in addition to fiber's.
type request struct {
	id      string
	began   time.Time
	op      *operation
	metrics *metrics.Requests
	// list and item are those in the path, and base is the URL below which the
	// list's items are, if the operation is about a list.
	list todo.Name
	item string
	base string
	// person is the owner of a valid token. unauthenticated is the problem to
	// answer where sign-in is configured and there is no valid token.
	person          signin.Person
	unauthenticated error
	// payer is the client that is charged for the request; nil if it is not
	// limited. units are the units charged so far.
	payer *client
	units int
	// deadline is the context of an operation.
	deadline deadline
	// access logs the request; nil if requests are not logged.
	access slog.Handler
}

type requestKey struct{}

func current(c *fiber.Ctx) *request {
	if r, ok := c.Locals(requestKey{}).(*request); ok {
		return r
	}
	return &request{id: newRequestID(), began: time.Now()}
}

// edge is the outermost handler. It gives the request its ID, converts errors to
// answers, and counts and logs the answers.
func (s *Server) edge(c *fiber.Ctx) error {
	r := &request{began: time.Now(), metrics: s.others, access: s.opts.AccessLog}
	if r.id = c.Get(fiber.HeaderXRequestID); validRequestID(r.id) {
		r.id = strings.Clone(r.id)
	} else {
		r.id = newRequestID()
	}
	c.Locals(requestKey{}, r)
	c.Response().Header.DisableNormalizing() // all names are set in their canonical form
	c.Set(fiber.HeaderXRequestID, r.id)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	if !s.cors.any {
		// Other sites cannot embed these answers.
		c.Set("Cross-Origin-Resource-Policy", "same-origin")
	}

	if s.stopping.Load() {
		// Otherwise clients would lose a request that they send while the
		// connection is being closed.
		c.Context().SetConnectionClose()
	}

	err := checkHead(c)
	if err == nil {
		err = s.hosts.check(c)
	}
	switch {
	case err != nil:
		// No request on this connection is for this server.
		c.Context().SetConnectionClose()
	case s.cors.answers(c):
		c.Status(http.StatusNoContent)
	case c.Path() == "*": // OPTIONS, about the server as a whole (RFC 9110, 9.3.7)
		c.Set(fiber.HeaderAllow, methods+", OPTIONS")
		c.Status(http.StatusNoContent)
	default:
		err = c.Next()
	}
	if err != nil {
		err = s.answerProblem(c, r, err)
	}
	unreadBody(c)
	s.answered(c, r)
	return err
}

// refused answers requests that did not reach a route, such as invalid HTTP.
func (s *Server) refused(c *fiber.Ctx, err error) error {
	if r, ok := c.Locals(requestKey{}).(*request); ok {
		// otelfiber calls this inside edge, which counts and logs the answer.
		return s.answerProblem(c, r, err)
	}
	lingerOnClose(c) // the client may still send
	r := &request{id: newRequestID(), began: time.Now(), metrics: s.others, access: s.opts.AccessLog}
	c.Set(fiber.HeaderXRequestID, r.id)
	s.cors.allow(c)
	err = s.answerProblem(c, r, err)
	s.answered(c, r)
	return err
}

func (s *Server) answerProblem(c *fiber.Ctx, r *request, err error) error {
	p := asProblem(err)
	if strings.HasPrefix(c.Path(), "/api/state/") {
		p.Cause = p.Detail
	}
	s.logFailure(c, r, p, err)
	return p.at(s.path, r.id).send(c)
}

// logFailure logs the reason of a 500 or 503, which the client does not see. An
// outage fails many requests for one reason, so each type of problem is logged
// once a minute, with the number of the others. Internal errors are all logged.
func (s *Server) logFailure(c *fiber.Ctx, r *request, p *problem, err error) {
	if p.Status != http.StatusInternalServerError && p.Status != http.StatusServiceUnavailable {
		return
	}
	log := func(others int64) {
		level := slog.LevelError
		if p.Status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		s.log.LogAttrs(c.UserContext(), level, "request failed",
			slog.String("request_id", r.id), slog.Int("status", p.Status), slog.String("list", nameInPath(c)), slog.Any("error", err),
			slog.Int64("others", others))
	}
	all, lasting := s.failures[p.Type]
	if !lasting {
		log(0)
		return
	}
	all.unlogged.Add(1)
	all.line.Do(func() { log(all.unlogged.Swap(0) - 1) })
}

// failures are the failed requests of one type of problem.
type failures struct {
	line     rate.Sometimes
	unlogged atomic.Int64
}

// newFailures returns the failures that are logged once a minute, by type of
// problem. It omits internal errors: each may be a different fault.
func newFailures() map[string]*failures {
	all := make(map[string]*failures)
	for _, kind := range problemKinds {
		if kind != internal && (kind.status == http.StatusInternalServerError || kind.status == http.StatusServiceUnavailable) {
			all[kind.with("").Type] = &failures{line: rate.Sometimes{Interval: time.Minute}}
		}
	}
	return all
}

// nameInPath returns the list's name in the request's path, valid or not, or "".
// It is for the log, which replaces it by a digest.
func nameInPath(c *fiber.Ctx) string {
	if name := current(c).list; name != "" {
		return string(name)
	}
	for _, below := range []string{"/api/lists/", "/api/state/"} {
		if rest, ok := strings.CutPrefix(string(c.Request().URI().PathOriginal()), below); ok {
			segment, _, _ := strings.Cut(rest, "/")
			if name, err := url.PathUnescape(segment); err == nil {
				return name
			}
			return segment
		}
	}
	return ""
}

// route returns the path of the matched route. It contains no text of the request:
// a path that matched no route may have a list's name anywhere.
func (r *request) route(c *fiber.Ctx) string {
	if r.op != nil {
		return r.op.path
	}
	if path := c.Route().Path; path != "/" || c.Path() == "/" {
		return strings.ReplaceAll(strings.ReplaceAll(path, ":name", "{name}"), ":id", "{id}")
	}
	return "(none)"
}

func (s *Server) answered(c *fiber.Ctx, r *request) {
	status, took := c.Response().StatusCode(), time.Since(r.began)
	r.metrics.Answered(status, took)
	if r.access == nil {
		return
	}
	level := slog.LevelInfo
	if isProbe(c.Path()) {
		level = slog.LevelDebug
	}
	ctx := c.UserContext()
	if !r.access.Enabled(ctx, level) {
		return
	}
	bytes := c.Response().Header.ContentLength()
	if body := c.Response(); bytes <= 0 && !body.IsBodyStream() {
		bytes = len(body.Body())
	}
	id, list := r.id, nameInPath(c)
	if list != "" {
		digest := s.opts.NameDigest(list)
		// Clients may send the name as a part of the ID. Random IDs contain short names.
		if len(list) >= 8 || id == list {
			id = strings.ReplaceAll(id, list, digest)
		}
		list = digest
	}
	record := slog.NewRecord(r.began.Add(took), level, "request", 0)
	record.AddAttrs(
		slog.String("request_id", id),
		slog.String("list", list),
		slog.Int("status", status),
		slog.Int("bytes", max(bytes, 0)),
		slog.Int64("duration_us", took.Microseconds()),
		slog.String("client", s.clientAddress(c).String()),
	)
	if r.op == nil {
		record.AddAttrs(accessAttrs("", c.Method(), r.route(c))...)
	}
	_ = r.access.Handle(ctx, record) // the log counts what it drops
}

// accessAttrs are the attributes that all requests of an operation share in the
// log.
func accessAttrs(operation, method, path string) []slog.Attr {
	return []slog.Attr{slog.String("operation", operation), slog.String("method", method), slog.String("path", path)}
}

func isProbe(path string) bool { return path == "/livez" || path == "/readyz" }

// operation returns the handler of one operation with the given method. It checks
// the request against the contract, and then calls h.
func (s *Server) operation(op *operation, method string, h handler) fiber.Handler {
	counts := s.opts.Metrics.Operation(op.id)
	access := s.opts.AccessLog
	if access != nil {
		access = access.WithAttrs(accessAttrs(op.id, method, op.path))
	}
	return func(c *fiber.Ctx) error {
		r := current(c)
		r.op, r.metrics, r.access = op, counts, access
		if !op.ofList() {
			if err := op.checkRequest(c); err != nil {
				return err
			}
			return h(c, r)
		}
		if err := r.unauthenticated; err != nil {
			return err
		}
		if err := s.locate(c, r); err != nil {
			return err
		}
		if err := s.authorize(c, r); err != nil {
			return err
		}
		if err := op.checkRequest(c); err != nil {
			return err
		}
		if r.payer != nil {
			if err := s.charge(r, s.unitsOf(r, int64(c.Request().Header.ContentLength()))-1); err != nil {
				return err
			}
			defer s.settle(c, r)
		}
		ctx := &r.deadline
		ctx.Context, ctx.at = c.UserContext(), time.Now().Add(s.opts.RequestTimeout)
		defer ctx.end()
		c.SetUserContext(ctx)
		return s.withMemory(ctx, c, r, h)
	}
}

func (o *operation) checkRequest(c *fiber.Ctx) error {
	if o.accept != nil {
		if !accepts(c.Request().Header.PeekAll(fiber.HeaderAccept), o.accept) {
			return notAcceptable.with("The answer is %s.", strings.Join(o.accept, " or "))
		}
	}
	if o.consumes != nil {
		if err := o.checkBody(c); err != nil {
			return err
		}
	}
	for i := range o.headers {
		p := &o.headers[i]
		lines := c.Request().Header.PeekAll(p.name)
		if len(lines) > 1 && !p.list {
			return invalidRequest.with("Header %s: expected one line.", p.name)
		}
		for _, value := range lines {
			if len(value) == 0 {
				continue
			}
			if complaint := p.check(string(value)); complaint != "" {
				return invalidRequest.with("Header %s: %s.", p.name, complaint)
			}
		}
	}
	for name, value := range c.Context().QueryArgs().All() {
		i := slices.IndexFunc(o.query, func(p parameter) bool { return p.name == string(name) })
		if i < 0 && o.method != http.MethodGet {
			// Otherwise a misspelt "completed" would delete all items.
			return invalidRequest.with("The query has a parameter that this operation does not have.")
		}
		if i < 0 {
			continue
		}
		if complaint := o.query[i].check(string(value)); complaint != "" {
			return invalidRequest.with("Query parameter %s: %s.", o.query[i].name, complaint)
		}
	}
	return nil
}

func (o *operation) checkBody(c *fiber.Ctx) error {
	if len(c.Request().Header.PeekAll(fiber.HeaderContentRange)) > 0 { // RFC 9110, 14.5
		return invalidRequest.with("Header Content-Range: expected no such header; a request replaces or changes a whole list.")
	}
	// Decompression would let a small body expand to any size.
	for _, encoding := range c.Request().Header.PeekAll(fiber.HeaderContentEncoding) {
		if !strings.EqualFold(string(encoding), "identity") {
			return unsupportedMedia.with("A Content-Encoding other than identity is not supported.")
		}
	}
	lines := 0 // PeekAll has only the last one
	for name := range c.Request().Header.AllInOrder() {
		if strings.EqualFold(string(name), fiber.HeaderContentType) {
			lines++
		}
	}
	if lines > 1 {
		return invalidRequest.with("Header %s: expected one line.", fiber.HeaderContentType)
	}
	mediaType, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err == nil && slices.Contains(o.consumes, mediaType) && isUTF8(parameters["charset"]) {
		return nil
	}
	return unsupportedMedia.with("Expected Content-Type %s in UTF-8.", strings.Join(o.consumes, " or "))
}

// listName returns the name of the list in the request's path. It does not
// refer to memory that fiber reuses.
func listName(c *fiber.Ctx) (todo.Name, error) {
	decoded, err := unescape(c.Params("name"), "the list's name")
	if err != nil {
		return "", err
	}
	return todo.ParseName(decoded)
}

// itemID returns the item's ID in the request's path. It does not refer to memory
// that fiber reuses.
func itemID(c *fiber.Ctx) (string, error) {
	id, err := unescape(c.Params("id"), "the item's id")
	if err != nil {
		return "", err
	}
	if !todo.ValidUID(id) {
		return "", &todo.InvalidError{Problems: []todo.Problem{{Detail: "an item's id has 1 to 64 letters, digits, - and _ of ASCII"}}}
	}
	return id, nil
}

func unescape(segment, what string) (string, error) {
	decoded, err := url.PathUnescape(segment)
	if err != nil {
		return "", invalidRequest.with("In the address, %s is not percent-encoded UTF-8: after each %% two hexadecimal digits are expected.", what)
	}
	return strings.Clone(decoded), nil
}

// locate sets the list, item and base of a request about a list.
func (s *Server) locate(c *fiber.Ctx, r *request) error {
	var err error
	if r.list, err = listName(c); err != nil {
		return err
	}
	if c.Params("id") != "" {
		if r.item, err = itemID(c); err != nil {
			return err
		}
	}
	root, err := s.root(c)
	r.base = root + "/api/lists/" + url.PathEscape(string(r.list)) + "/todos/"
	return err
}

// root returns the server's URL: PublicURL, or else that of the request's Host.
func (s *Server) root(c *fiber.Ctx) (string, error) {
	if s.opts.PublicURL != "" {
		return s.opts.PublicURL, nil
	}
	host := string(c.Request().Host())
	if host == "" { // HTTP/1.0
		host = c.Context().LocalAddr().String()
	}
	if len(host) > 255 {
		return "", invalidRequest.with("Header Host: expected at most 255 bytes.")
	}
	for _, r := range host {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_:[]", r)) {
			return "", invalidRequest.with("Header Host: expected a host name or address.")
		}
	}
	scheme := "http://"
	if c.Get(fiber.HeaderXForwardedProto) == "https" {
		scheme = "https://"
	}
	return scheme + host, nil
}

func validRequestID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '=') {
			return false
		}
	}
	return true
}

func newRequestID() string { return strconv.FormatUint(rand.Uint64(), 36) } //nolint:gosec // identifies a line of the log and protects nothing
