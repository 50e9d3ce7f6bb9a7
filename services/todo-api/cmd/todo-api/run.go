package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/net/netutil"

	"github.com/gchamon/devops-challenge/apps/web"
	"github.com/gchamon/devops-challenge/libs/config"
	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/httpapi"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/redishints"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin"
)

// usageError is an error in the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

const usage = `todo-api serves todo lists over HTTP, with the page that shows them.

  todo-api [flags]              serve until SIGTERM, SIGINT or SIGHUP
  todo-api config [flags]       print the effective settings and the source of each
  todo-api export DIR [flags]   write every list to DIR/{name}.json in the v1 form, a bare JSON array
  todo-api key [KEY]            print the keys and the name of a new private list, or of the one with KEY
  todo-api healthcheck [flags]  check that the server on this machine is running
  todo-api name-digest NAME     print the digest that the log shows in place of a list's name
  todo-api version              print the version

Settings:

`

// run runs the program until it finishes or ctx ends. It writes its output and
// its log to stdout.
func run(ctx context.Context, args, environ []string, stdout io.Writer) error {
	return runWith(ctx, args, environ, stdout, openStore)
}

// runWith is run with another function that opens stores.
func runWith(ctx context.Context, args, environ []string, stdout io.Writer, open openFunc) error {
	var operands []string
	cfg, err := config.Load(defaults(), sources(args, environ, &operands)...)
	if errors.Is(err, config.ErrHelp) {
		if _, err := io.WriteString(stdout, usage); err != nil {
			return err
		}
		return config.Help(stdout, defaults(), sources(nil, environ, nil)...)
	}
	if err == nil {
		err = cfg.check()
	}
	if err != nil {
		return &usageError{err}
	}
	if len(operands) == 2 && operands[0] == "name-digest" {
		if cfg.NameDigestKey == "" {
			return &usageError{errors.New("name-digest: set TODO_NAME_DIGEST_KEY to the key of the server whose log it is")}
		}
		_, err := fmt.Fprintln(stdout, newNameDigest(cfg).of(operands[1]))
		return err
	}
	if len(operands) <= 2 && len(operands) > 0 && operands[0] == "key" {
		return printKey(stdout, operands[1:])
	}
	if len(operands) == 2 && operands[0] == "export" {
		return export(ctx, cfg, operands[1], stdout, open)
	}
	switch strings.Join(operands, " ") {
	case "":
		return serve(ctx, cfg, stdout, open)
	case "config":
		return config.Effective(stdout, defaults(), sources(args, environ, &operands)...)
	case "healthcheck":
		return healthcheck(ctx, cfg)
	case "version":
		_, err := fmt.Fprintln(stdout, version())
		return err
	}
	for form := range strings.SplitSeq(commands, ", ") {
		if name, _, _ := strings.Cut(form, " "); name == operands[0] {
			return &usageError{fmt.Errorf("expected %s, got %q", form, operands)}
		}
	}
	return &usageError{fmt.Errorf("unknown command %q: expected one of %s, or none", strings.Join(operands, " "), commands)}
}

const commands = "config, export DIR, healthcheck, key [KEY], name-digest NAME, version"

// serve runs the server until ctx ends.
func serve(ctx context.Context, cfg settings, stdout io.Writer, open openFunc) (err error) {
	digest := newNameDigest(cfg)
	log := newLog(stdout, cfg, digest)
	defer log.close()
	maxConns, err := fitDescriptors(&cfg, log.Logger)
	if err != nil {
		return err
	}
	if cfg.Release == "" {
		cfg.Release = version()
	}
	set := metrics.New(cfg.Release)
	set.LogDropped(&log.dropped)
	tracer, stopTracing, err := newTracer(ctx, cfg, digest, log.Logger)
	if err != nil {
		return err
	}
	var end time.Time // of shutdown_timeout; zero until the server is drained
	left := func() time.Duration {
		if end.IsZero() {
			return cfg.ShutdownTimeout
		}
		return max(time.Until(end), minimumClose)
	}
	defer func() { stopTracing(left()) }()

	opened, err := awaitStore(ctx, cfg, log.Logger, open)
	if err != nil {
		return err
	}
	store := set.Store(opened)
	defer func() { err = errors.Join(err, within(left(), "close the store", store.Close)) }()

	if cfg.MemoryBudget == 0 {
		cfg.MemoryBudget = memoryBudget(debug.SetMemoryLimit(-1))
	}
	listOpts := listOptions(cfg, set, log.Logger)
	if tracer != nil {
		listOpts.Ledger.Observer.StoreCall = storeSpans(tracer)
	}
	bus, err := newBus(cfg, store, log.Logger)
	if err != nil {
		return err
	}
	if bus != nil {
		// Hints may be lost, and so may the error.
		defer func() { _ = within(left(), "close the connection for hints", bus.Close) }()
		set.Hints(bus.Stats)
		listOpts.Ledger.Hints = bus
	}
	service := lists.New(store, listOpts)
	set.Ledger(service.Stats)
	httpOpts := options(cfg, maxConns, service, set, log.Logger, tracer)
	if cfg.AccessLog {
		httpOpts.AccessLog, httpOpts.NameDigest = log.lines, digest.of
	}
	if cfg.OIDCIssuer != "" {
		verifier, err := newSignIn(ctx, cfg, log.Logger)
		if err != nil {
			return errors.Join(err, service.Close(ctx))
		}
		defer verifier.Close()
		httpOpts.SignIn = verifier
	}
	server, err := httpapi.New(httpOpts)
	if err != nil {
		return errors.Join(err, service.Close(ctx))
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), server.Shutdown(ctx), service.Close(ctx))
	}
	// The server closes it too, unless it is stopped before it serves.
	defer func() { _ = listener.Close() }()
	admin, stopAdmin, err := serveAdmin(ctx, cfg, server.Admin(), log.Logger)
	if err != nil {
		return errors.Join(err, server.Shutdown(ctx), service.Close(ctx))
	}
	defer stopAdmin()
	log.LogAttrs(ctx, slog.LevelInfo, "listening", slog.String("address", listener.Addr().String()), slog.String("admin", admin),
		slog.String("store", cfg.Store), slog.String("release", cfg.Release), slog.Bool("page", cfg.Page && web.Built()))
	if cfg.NameDigestKey == "" {
		log.LogAttrs(ctx, slog.LevelInfo, "names in this log are digests under a random key; set TODO_NAME_DIGEST_KEY to compute them by todo-api name-digest")
	}
	log.flush()

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.LogAttrs(ctx, slog.LevelInfo, "stopping", slog.Duration("delay", cfg.ShutdownDelay))
	server.Stop()
	time.Sleep(cfg.ShutdownDelay)
	end = time.Now().Add(cfg.ShutdownTimeout)
	return errors.Join(err, drain(end, log.Logger, server, service))
}

// serveAdmin serves handler at the address for operators. It returns the
// address, or "" if none is configured, and a function that stops the server.
func serveAdmin(ctx context.Context, cfg settings, handler http.Handler, log *slog.Logger) (address string, stop func(), err error) {
	if cfg.AdminListen == "" {
		return "", func() {}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.AdminListen)
	if err != nil {
		return "", nil, fmt.Errorf("admin_listen: %w", err)
	}
	// Its idle connections must leave descriptors to the clients.
	listener = netutil.LimitListener(listener, adminConns)
	server := &http.Server{
		Handler: handler, ReadTimeout: cfg.ReadTimeout, IdleTimeout: cfg.IdleTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.LogAttrs(ctx, slog.LevelError, "metrics are no longer served", slog.Any("error", err))
		}
	}()
	return listener.Addr().String(), func() { _ = server.Close(); <-ended }, nil
}

// newBus returns the bus that carries hints between servers, or nil if none is
// configured.
func newBus(cfg settings, store storage.SoleOwner, log *slog.Logger) (*redishints.Bus, error) {
	if cfg.Hints == "" {
		return nil, nil //nolint:nilnil // hints are optional
	}
	if store.SoleOwner() {
		log.LogAttrs(context.Background(), slog.LevelWarn, "hints are not used: only this process can write to the store", slog.String("store", cfg.Store))
		return nil, nil //nolint:nilnil // no other server needs hints
	}
	return redishints.New(string(cfg.Hints))
}

// drain shuts down a server that load balancers no longer use. It waits for
// requests under way, but not beyond the given time.
func drain(end time.Time, log *slog.Logger, server *httpapi.Server, service *lists.Service) error {
	began := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	err := server.Shutdown(ctx)
	left := max(time.Until(end), minimumClose)
	err = errors.Join(err, within(left, "settle accepted changes", func() error { return service.Close(ctx) }))
	if err != nil {
		return fmt.Errorf("stopped after %v with work unfinished: %w", time.Since(began).Round(time.Millisecond), err)
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "stopped")
	return nil
}

// minimumClose is the time for each later step if the requests have used up
// shutdown_timeout.
const minimumClose = 100 * time.Millisecond

// within calls f and returns its error. If f takes longer than d, within returns
// an error that names what, and f continues until the process ends.
func within(d time.Duration, what string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case err := <-done:
		return err
	case <-timeout.C:
		return fmt.Errorf("%s: not done after %v", what, d)
	}
}

func listOptions(cfg settings, set *metrics.Set, log *slog.Logger) lists.Options {
	return lists.Options{KeepRemoved: cfg.KeepRemoved, Ledger: ledger.Options[*lists.Document]{
		StaleFor: cfg.StaleFor, IdleAfter: cfg.ListIdle,
		// A stream keeps its list in memory, and must not take the room of another.
		MaxKeys:      cfg.MaxLists + cfg.MaxStreams,
		MaxBytes:     int64(cfg.MemoryBudget / 2),
		WatchFastest: cfg.WatchFastest, WatchSlowest: cfg.WatchSlowest,
		Logger: log, Observer: set.Observer(),
	}}
}

// memoryBudget returns the default memory budget for a limit of the Go runtime,
// which is math.MaxInt64 if there is no limit.
func memoryBudget(limit int64) config.ByteSize {
	if limit == math.MaxInt64 {
		return 1 << 30
	}
	return config.ByteSize(max(limit/4*3, 16<<20))
}

const (
	// adminConns is the maximum number of operators' connections.
	adminConns = 16
	// reservedDescriptors are kept for operators, the store's files and the like.
	reservedDescriptors = adminConns + 40
	// minDescriptors leaves a few connections besides what the server opens.
	minDescriptors = 32
)

// fitDescriptors lowers cfg.MaxStreams to fit the limit of open files, logs the
// change, and returns the maximum number of connections, or 0 for no limit.
func fitDescriptors(cfg *settings, log *slog.Logger) (maxConns int, err error) {
	limit := openFileLimit()
	if limit == 0 {
		return 0, nil
	}
	if limit < minDescriptors {
		return 0, fmt.Errorf("the limit of open files is %d: expected at least %d; raise it by ulimit -n or LimitNOFILE", limit, minDescriptors)
	}
	maxConns = int(limit - min(reservedDescriptors, limit/2)) //nolint:gosec // bounded by openFileLimit
	if streams := maxConns - maxConns/4; cfg.MaxStreams > streams {
		log.LogAttrs(context.Background(), slog.LevelWarn, "max_streams is lowered to fit the limit of open files; raise it by ulimit -n or LimitNOFILE",
			slog.Int("max_streams", cfg.MaxStreams), slog.Int("lowered_to", streams), slog.Uint64("open_files", limit))
		cfg.MaxStreams = streams
	}
	return maxConns, nil
}

func options(cfg settings, maxConns int, service *lists.Service, set *metrics.Set, log *slog.Logger, tracer trace.TracerProvider) httpapi.Options {
	publicURL := ""
	if cfg.PublicURL != nil {
		publicURL = strings.TrimRight(cfg.PublicURL.String(), "/")
	}
	var page fs.FS
	if cfg.Page {
		page = web.Files()
	}
	var pageSignIn *httpapi.PageSignIn
	if cfg.OIDCClientID != "" {
		pageSignIn = &httpapi.PageSignIn{Issuer: cfg.OIDCIssuer, ClientID: cfg.OIDCClientID, Audience: cfg.OIDCAudience, Scope: cfg.OIDCScope}
	}
	return httpapi.Options{
		Lists:          service,
		Page:           page,
		PageSignIn:     pageSignIn,
		NamesInHistory: cfg.HistoryNames,
		Release:        cfg.Release,
		PublicURL:      publicURL,
		CORSOrigins:    cfg.CORSOrigins,
		RequestTimeout: cfg.RequestTimeout,
		ReadTimeout:    cfg.ReadTimeout,
		IdleTimeout:    cfg.IdleTimeout,
		WriteTimeout:   cfg.WriteTimeout,
		MaxConns:       maxConns,
		MaxStreams:     cfg.MaxStreams,
		MaxBytes:       int64(cfg.MemoryBudget / 2),
		ClientStreams:  cfg.MaxClientStreams,
		AllowedHosts:   cfg.AllowedHosts,
		KeyedListsOnly: !cfg.PublicLists,
		RateLimit:      cfg.RateLimit,
		ClientAddress:  cfg.ClientAddressHeader,
		Logger:         log,
		Metrics:        set,
		Tracer:         tracer,
	}
}

func newSignIn(ctx context.Context, cfg settings, log *slog.Logger) (*signin.Verifier, error) {
	opts := signin.Options{Issuer: cfg.OIDCIssuer, Audience: cfg.OIDCAudience, Logger: log}
	for _, text := range cfg.OIDCAllow {
		claim, err := signin.ParseClaim(text)
		if err != nil {
			return nil, err
		}
		opts.Allow = append(opts.Allow, claim)
	}
	return signin.New(ctx, opts), nil
}

// healthcheck requests /livez of the server on this machine, for containers that
// contain no other program.
func healthcheck(ctx context.Context, cfg settings) error {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/livez", http.NoBody)
	if err != nil {
		return err
	}
	// The server is on this machine: proxy variables do not apply.
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/livez answers %s", resp.Status)
	}
	return nil
}

// built is the version, if the build sets one with the linker.
var built string

// version returns built, or else the commit or version that the Go command
// recorded.
func version() string {
	if built != "" {
		return built
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	commit, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-modified"
		}
	}
	if commit != "" {
		return commit + modified
	}
	return info.Main.Version
}
