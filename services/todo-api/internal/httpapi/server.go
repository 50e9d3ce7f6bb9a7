// Package httpapi serves lists over HTTP. Its contract is openapi.yaml.
package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/contrib/otelfiber/v2"
	"github.com/gofiber/fiber/v2"
	recovery "github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin"
)

const (
	maxBody    = 1 << 20
	maxHeaders = 8 << 10
)

// Options configure a [Server]. Lists, Logger and Metrics are required.
type Options struct {
	// Lists is the service to serve. The caller closes it after the server.
	Lists *lists.Service
	// Page is the page at /. If nil, no page is served.
	Page fs.FS
	// Release is the release name that /readyz reports.
	Release string
	// PublicURL is the server's public URL, without a trailing slash. If "", links
	// have the Host of their request.
	PublicURL string
	// CORSOrigins are the origins whose pages may use the API; "*" allows all.
	CORSOrigins []string
	// RequestTimeout bounds the work on a request, ReadTimeout its arrival,
	// IdleTimeout the wait for the next one on a connection, and WriteTimeout
	// the time in which a client must read 64 KiB of an answer.
	RequestTimeout, ReadTimeout, IdleTimeout, WriteTimeout time.Duration
	// MaxConns is the maximum number of open connections; 0 means no limit.
	MaxConns int
	// MaxStreams is the maximum number of open event streams.
	MaxStreams int
	// ClientStreams is the maximum of one client; 0 means no limit.
	ClientStreams int
	// AllowedHosts are the hosts that requests may name, in addition to that of
	// PublicURL; "*" allows all. If empty, requests on loopback must name this
	// machine, and others may name any host.
	AllowedHosts []string
	// KeyedListsOnly refuses lists that have no key.
	KeyedListsOnly bool
	// SignIn, if not nil, verifies the bearer token that every request about a
	// list must carry. PageSignIn is what the page needs to obtain one.
	SignIn     *signin.Verifier
	PageSignIn *PageSignIn
	// NamesInHistory records in the history the names of those who signed in
	// and removed or changed items.
	NamesInHistory bool
	// RateLimit is the maximum number of units of work per minute of one
	// client; 0 means no limit. A small request costs one unit. A client is a
	// person who signed in, or else an address, from the header ClientAddress or,
	// if that is "", from the connection.
	RateLimit     int
	ClientAddress string
	// MaxBytes is the maximum memory of requests about large lists that are under
	// way; further ones wait. 0 means no limit.
	MaxBytes int64
	// AccessLog, if not nil, gets a record of each request, which has NameDigest
	// of the list's name as list and contains the name nowhere else.
	AccessLog  slog.Handler
	NameDigest func(name string) string
	Logger     *slog.Logger
	Metrics    *metrics.Set
	// Tracer, if not nil, gets a span for each request.
	Tracer trace.TracerProvider

	heartbeat time.Duration // of event streams; 0: heartbeatInterval
}

// Server serves lists over HTTP.
type Server struct {
	opts     Options
	log      *slog.Logger
	app      *fiber.App
	contract *contract
	cors     cors
	hosts    hosts
	// path is that of the public URL, "" or like "/todo": a proxy in front
	// strips it.
	path  string
	rates *rates
	open  open // event streams

	// The memory of requests about large lists. Loads are reads of lists whose
	// size is not known yet.
	bodies, reads, writes, events, loads memory

	// listener is set by Serve.
	listener atomic.Pointer[listener]

	others   *metrics.Requests // unmatched requests
	failures map[string]*failures
	watchers watchers
	hangups  hangups
	stopping atomic.Bool
	// closing is closed to end the event streams; ended waits for them.
	closing   chan struct{}
	closeOnce sync.Once
	ended     sync.WaitGroup
}

type handler func(*fiber.Ctx, *request) error

// New returns a server that is ready for [Server.Serve]. The caller must call
// [Server.Shutdown], even if the server never served.
func New(opts Options) (*Server, error) {
	c, err := loadContract(false)
	if err != nil {
		return nil, err
	}
	opts.heartbeat = cmp.Or(opts.heartbeat, heartbeatInterval)
	public, err := url.Parse(opts.PublicURL)
	if err != nil {
		return nil, err
	}
	s := &Server{
		path:     public.EscapedPath(),
		opts:     opts,
		log:      opts.Logger,
		contract: c,
		cors:     newCORS(opts.CORSOrigins),
		hosts:    newHosts(opts.AllowedHosts, opts.PublicURL),
		rates:    newRates(opts.RateLimit),
		open:     open{max: opts.MaxStreams, maxOfClient: opts.ClientStreams},
		failures: newFailures(),
		bodies:   newMemory(opts.MaxBytes / 10),
		reads:    newMemory(opts.MaxBytes / 10 * 3),
		loads:    newMemory(opts.MaxBytes / 10),
		writes:   newMemory(opts.MaxBytes / 5 * 2),
		events:   newMemory(opts.MaxBytes / 10),
		others:   opts.Metrics.Operation("none"),
		closing:  make(chan struct{}),
	}
	s.app = fiber.New(fiber.Config{
		BodyLimit:                    maxBody,
		CaseSensitive:                true,
		DisablePreParseMultipartForm: true,
		DisableStartupMessage:        true,
		ErrorHandler:                 s.refused,
		IdleTimeout:                  opts.IdleTimeout,
		ReadBufferSize:               maxHeaders,
		ReadTimeout:                  opts.ReadTimeout,
		StreamRequestBody:            true,
		StrictRouting:                true,
	})
	server := s.app.Server()
	server.Logger = serverLog{opts.Logger}
	// Load balancers that reuse a connection must learn that it ends.
	server.CloseOnShutdown = true
	// Event streams close their own connections.
	server.KeepHijackedConns = true
	server.Handler = normalize(server.Handler)
	server.HeaderReceived = readAsHTTP11
	server.ExpectHandler = s.expected

	if err := s.route(); err != nil {
		return nil, err
	}
	s.hangups = newHangups() // last: it must be closed
	return s, nil
}

// handlers returns the handler of each operation of the contract.
func (s *Server) handlers() map[string]handler {
	return map[string]handler{
		"getState":         s.getState,
		"putState":         s.putState,
		"getList":          s.getList,
		"updateList":       s.updateList,
		"eraseList":        s.eraseList,
		"listTodos":        s.listTodos,
		"createTodo":       s.createTodo,
		"completeAllTodos": s.completeAllTodos,
		"deleteTodos":      s.deleteTodos,
		"getTodo":          s.getTodo,
		"updateTodo":       s.updateTodo,
		"deleteTodo":       s.deleteTodo,
		"applyBatch":       s.applyBatch,
		"watchList":        s.watchList,
		"getHistory":       s.getHistory,
		"restoreRevision":  s.restoreRevision,
		"live":             s.live,
		"ready":            s.ready,
		"openapi":          static("application/yaml", contractBelow(s.path)),
		"docs":             docs(),
		"docsStyle":        static("text/css; charset=utf-8", docsStyle),
	}
}

// compressed compresses answers. Fiber's middleware would add
// 1.3 MB of a Brotli encoder to the program, whose fastest level compresses lists
// less than gzip does.
func compressed(c *fiber.Ctx) error {
	err := c.Next()
	if err == nil && !strings.HasSuffix(c.Path(), "/events") {
		compressBody(c.Context())
	}
	return err
}

var compressBody = fasthttp.CompressHandlerLevel(func(*fasthttp.RequestCtx) {}, fasthttp.CompressBestSpeed)

// route registers the operations of the contract, the answers to other methods,
// and the page.
func (s *Server) route() error {
	handlers := s.handlers()
	s.app.Use(s.edge)
	if s.opts.Tracer != nil {
		s.app.Use(otelfiber.Middleware(otelfiber.WithTracerProvider(s.opts.Tracer), otelfiber.WithoutMetrics(true),
			otelfiber.WithNext(func(c *fiber.Ctx) bool { return isProbe(c.Path()) })))
	}
	s.app.Use(recovery.New(recovery.Config{EnableStackTrace: true, StackTraceHandler: s.panicked}))
	if s.opts.SignIn != nil {
		s.app.Use(s.identify)
	}
	if s.opts.RateLimit > 0 {
		s.app.Use(s.limit)
	}
	s.app.Use(compressed)

	allowed := make(map[string][]string)
	for _, op := range s.contract.operations {
		h, ok := handlers[op.id]
		if !ok {
			return fmt.Errorf("openapi.yaml: the operation %s has no handler", op.id)
		}
		delete(handlers, op.id)
		s.app.Add(op.method, op.fiberPath(), s.operation(op, op.method, h))
		methods := []string{op.method}
		if op.method == http.MethodGet {
			s.app.Head(op.fiberPath(), s.operation(op, http.MethodHead, h))
			methods = append(methods, http.MethodHead)
		}
		allowed[op.fiberPath()] = append(allowed[op.fiberPath()], methods...)
	}
	for id := range handlers {
		return fmt.Errorf("openapi.yaml: the operation %s is missing", id)
	}
	if s.opts.Page != nil {
		page, err := loadPage(s.opts.Page)
		if err != nil {
			return err
		}
		config, err := s.pageConfig()
		if err != nil {
			return err
		}
		s.app.Get("/config.json", newAsset("application/json", config, "no-cache").serve)
		allowed["/config.json"] = []string{http.MethodGet, http.MethodHead}
		for path, asset := range page {
			s.app.Get(path, s.serve(asset))
			allowed[path] = []string{http.MethodGet, http.MethodHead}
		}
	}
	for path, methods := range allowed {
		slices.Sort(methods)
		allow := strings.Join(append(methods, http.MethodOptions), ", ")
		s.app.All(path, func(c *fiber.Ctx) error {
			if c.Method() == http.MethodOptions {
				c.Set(fiber.HeaderAllow, allow)
				return c.SendStatus(http.StatusNoContent)
			}
			p := methodNotAllowed.with("Allowed are %s.", allow)
			p.allow = allow
			return p
		})
	}
	return nil
}

// Serve answers requests on l until [Server.Shutdown] is called. It then returns
// nil at once, while requests may still be under way.
func (s *Server) Serve(l net.Listener) error {
	bounded := newListener(l, s.opts.MaxConns, s.opts.WriteTimeout, s.log, s.opts.Metrics)
	s.listener.Store(bounded)
	return s.app.Listener(bounded)
}

// serverLog is the log of fasthttp, which would otherwise write to standard
// error, which may have no reader.
type serverLog struct{ log *slog.Logger }

// Printf omits the values, which may contain parts of the request.
func (l serverLog) Printf(format string, _ ...any) {
	l.log.LogAttrs(context.Background(), slog.LevelDebug, "connection", slog.String("detail", format))
}

// Stop makes /readyz fail, so that load balancers send no new requests. The server
// still answers the requests that arrive.
func (s *Server) Stop() { s.stopping.Store(true) }

// Shutdown closes event streams and waits for requests under way. If ctx ends
// first, it returns an error that names the unfinished part.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Stop()
	s.closeOnce.Do(func() { close(s.closing) })
	if l := s.listener.Load(); l != nil {
		if deadline, ok := ctx.Deadline(); ok {
			// Clients that neither read nor send get half of the time.
			l.endBy(time.Now().Add(time.Until(deadline) / 2))
		}
	}
	err := s.app.ShutdownWithContext(ctx)
	if err != nil {
		err = fmt.Errorf("requests under way: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		s.ended.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("event streams: %w", ctx.Err()))
	}
	_ = s.hangups.Close() // fails if it is closed already
	return err
}

// expected answers Expect: 100-continue, and refuses a body that is too large.
func (s *Server) expected(ctx *fasthttp.RequestCtx) int {
	if ctx.Request.Header.ContentLength() <= maxBody {
		return http.StatusContinue
	}
	c := s.app.AcquireCtx(ctx)
	defer s.app.ReleaseCtx(c)
	if err := s.refused(c, errBodyTooLarge); err != nil {
		return http.StatusInternalServerError
	}
	return c.Response().StatusCode()
}

func (s *Server) panicked(c *fiber.Ctx, value any) {
	s.log.LogAttrs(c.UserContext(), slog.LevelError, "panic", slog.String("request_id", current(c).id), slog.String("list", nameInPath(c)),
		slog.Any("panic", value), slog.String("stack", string(debug.Stack())))
}

// normalize replaces methods that fiber does not know, since it would answer them
// with 400, and brings paths into the form in which fiber compares them.
func normalize(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if method := ctx.Method(); !slices.Contains(fiber.DefaultMethods, string(method)) {
			ctx.Request.Header.SetMethod(http.MethodTrace)
		}
		if path := ctx.URI().PathOriginal(); len(path) == 0 || bytes.IndexByte(path, '%') >= 0 {
			ctx.URI().SetPath(normalPath(string(path)))
		}
		next(ctx)
	}
}

// normalPath returns a path with its percent-encoded unreserved characters decoded
// (RFC 3986, 6.2.2.2). An empty path is that of the root (RFC 9110, 4.2.3).
func normalPath(path string) string {
	first, rest, _ := strings.Cut(path, "%")
	out := []byte(cmp.Or(first, "/"))
	if len(first) == len(path) {
		return string(out)
	}
	for part := range strings.SplitSeq(rest, "%") {
		if len(part) >= 2 {
			c, err := strconv.ParseUint(part[:2], 16, 8)
			if err == nil && strings.IndexByte(unreserved, byte(c)) >= 0 {
				out = append(append(out, byte(c)), part[2:]...)
				continue
			}
		}
		out = append(append(out, '%'), part...)
	}
	return string(out)
}

// unreserved are the unreserved characters (RFC 3986, 2.3).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// readAsHTTP11 makes fasthttp treat HTTP/1.2 and above as HTTP/1.1 (RFC 9110,
// 2.5), not as HTTP/1.0.
func readAsHTTP11(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if minor, ok := bytes.CutPrefix(h.Protocol(), []byte("HTTP/1.")); ok && string(minor) > "1" {
		h.SetProtocol("HTTP/1.1")
	}
	return fasthttp.RequestConfig{}
}

// checkHead refuses major versions of HTTP other than 1, and names of headers with a
// space (RFC 9110, 5.1), which fasthttp accepts.
func checkHead(c *fiber.Ctx) error {
	if !bytes.HasPrefix(c.Request().Header.Protocol(), []byte("HTTP/1.")) {
		return versionNotSupported.with("Send it again by HTTP/1.1.")
	}
	for name := range c.Request().Header.All() {
		if bytes.IndexByte(name, ' ') >= 0 {
			return serverProblem(fiber.ErrBadRequest)
		}
	}
	return nil
}
