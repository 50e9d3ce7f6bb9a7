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

	"github.com/gchamon/devops-challenge/apps/web"
	"github.com/gchamon/devops-challenge/libs/config"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/httpapi"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/metrics"
)

// usageError is a mistake in how the program was called.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

const usage = `todo-api serves todo lists over HTTP, with the page that shows them.

  todo-api [flags]              serve until SIGTERM or SIGINT
  todo-api config [flags]       print the settings in force and where each comes from
  todo-api export DIR [flags]   write every list to DIR, {name}.json each, as the predecessor kept them
  todo-api healthcheck [flags]  ask the server on this machine whether it runs
  todo-api name-digest NAME     print what the log has in place of a list's name
  todo-api version              print what was built

Settings:

`

// run is the program: it returns when it is done, or when ctx is. What it is
// asked for goes to stdout, the log included.
func run(ctx context.Context, args, environ []string, stdout io.Writer) error {
	return runWith(ctx, args, environ, stdout, openStore)
}

// runWith is run on stores that open opens.
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
	default:
		return &usageError{fmt.Errorf("unknown command %q: expected config, export DIR, healthcheck, name-digest NAME, version or none", strings.Join(operands, " "))}
	}
}

// serve is the server from its start to its end.
func serve(ctx context.Context, cfg settings, stdout io.Writer, open openFunc) (err error) {
	digest := newNameDigest(cfg)
	log := newLog(stdout, cfg, digest)
	defer log.close()
	if cfg.Release == "" {
		cfg.Release = version()
	}
	figures := metrics.New(cfg.Release)
	figures.LogDropped(&log.dropped)
	tracer, stopTracing, err := newTracer(ctx, cfg, digest)
	if err != nil {
		return err
	}
	defer stopTracing()

	opened, err := awaitStore(ctx, cfg, log.Logger, open)
	if err != nil {
		return err
	}
	store := figures.Store(opened)
	defer func() { err = errors.Join(err, within(cfg.ShutdownTimeout, "close the store", store.Close)) }()

	if cfg.MemoryBudget == 0 {
		cfg.MemoryBudget = memoryBudget(debug.SetMemoryLimit(-1))
	}
	listOpts := listOptions(cfg, figures, log.Logger)
	if tracer != nil {
		listOpts.Observer.StoreCall = storeSpans(tracer)
	}
	service := lists.New(store, listOpts)
	figures.Ledger(service.Stats)
	maxConns := fitDescriptors(&cfg, log.Logger)
	server, err := httpapi.New(options(cfg, maxConns, service, figures, log.Logger, tracer))
	if err != nil {
		return errors.Join(err, service.Close(ctx))
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), server.Shutdown(ctx), service.Close(ctx))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "listening", slog.String("address", listener.Addr().String()),
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
	return errors.Join(err, drain(cfg, log.Logger, server, service))
}

// drain ends a server so that no client notices: it is taken out of rotation
// first, and closed when it has nothing to do.
func drain(cfg settings, log *slog.Logger, server *httpapi.Server, service *lists.Service) error {
	log.LogAttrs(context.Background(), slog.LevelInfo, "stopping", slog.Duration("delay", cfg.ShutdownDelay))
	server.Stop()
	time.Sleep(cfg.ShutdownDelay)
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), cfg.ShutdownTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	left := max(cfg.ShutdownTimeout-time.Since(began), minimumClose)
	err = errors.Join(err, within(left, "settle accepted changes", func() error { return service.Close(ctx) }))
	if err != nil {
		return fmt.Errorf("stopped after %v with work unfinished: %w", time.Since(began).Round(time.Millisecond), err)
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "stopped")
	return nil
}

// minimumClose is what is left for the lists when requests took all the time.
const minimumClose = 100 * time.Millisecond

// within calls f and returns its error, or one that names what f does when f
// takes longer than d. f then goes on until the process ends.
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

func listOptions(cfg settings, figures *metrics.Set, log *slog.Logger) lists.Options {
	staleFor := cfg.StaleFor
	if staleFor == 0 {
		staleFor = -1 // never, where 0 is the ledger's default
	}
	return lists.Options{
		RemovedFor: cfg.KeepRemoved,
		StaleFor:   staleFor, IdleAfter: cfg.ListIdle,
		// A stream keeps its list in memory, and must not take the room of another.
		MaxKeys:      cfg.MaxLists + cfg.MaxStreams,
		MaxBytes:     int64(cfg.MemoryBudget / 2),
		WatchFastest: cfg.WatchFastest, WatchSlowest: cfg.WatchSlowest,
		Logger: log, Observer: figures.Observer(),
	}
}

// memoryBudget is what lists may take of the memory that the Go runtime may
// use, which is math.MaxInt64 without a limit.
func memoryBudget(limit int64) config.ByteSize {
	if limit == math.MaxInt64 {
		return 1 << 30
	}
	return config.ByteSize(max(limit/4*3, 16<<20))
}

// reservedDescriptors are kept for the store's files and the like.
const reservedDescriptors = 40

// fitDescriptors bounds connections and event streams by what the operating
// system lets this process open, and says what it lowered.
func fitDescriptors(cfg *settings, log *slog.Logger) (maxConns int) {
	limit := openFileLimit()
	if limit == 0 {
		return 0
	}
	maxConns = int(limit - min(reservedDescriptors, limit/2)) //nolint:gosec // bounded by openFileLimit
	if streams := maxConns - maxConns/4; cfg.MaxStreams > streams {
		log.LogAttrs(context.Background(), slog.LevelWarn, "max_streams is lowered to fit the limit of open files; raise it by ulimit -n or LimitNOFILE",
			slog.Int("max_streams", cfg.MaxStreams), slog.Int("lowered_to", streams), slog.Uint64("open_files", limit))
		cfg.MaxStreams = streams
	}
	return maxConns
}

func options(cfg settings, maxConns int, service *lists.Service, figures *metrics.Set, log *slog.Logger, tracer trace.TracerProvider) httpapi.Options {
	publicURL := ""
	if cfg.PublicURL != nil {
		publicURL = strings.TrimRight(cfg.PublicURL.String(), "/")
	}
	var page fs.FS
	if cfg.Page {
		page = web.Files()
	}
	return httpapi.Options{
		Lists:          service,
		Page:           page,
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
		RateLimit:      cfg.RateLimit,
		ClientAddress:  cfg.ClientAddressHeader,
		AccessLog:      cfg.AccessLog,
		Logger:         log,
		Metrics:        figures,
		Tracer:         tracer,
	}
}

// healthcheck is for containers that have no program but this one.
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
	// The server is on this machine, whatever proxy variables say.
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

// built is set by the linker where the build names its own version.
var built string

// version names what was built: by the linker, else by the version or commit
// that the Go command recorded.
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
