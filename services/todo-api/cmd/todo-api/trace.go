package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// newTracer returns the provider of tracers, or nil if no endpoint is configured,
// and a function that sends the remaining spans, for at most the given time.
func newTracer(ctx context.Context, cfg settings, digest nameDigest, log *slog.Logger) (tracer trace.TracerProvider, stop func(time.Duration), err error) {
	if cfg.OTLPEndpoint == "" {
		return nil, func(time.Duration) {}, nil
	}
	exporter, err := otlptrace.New(ctx, &otlpClient{url: strings.TrimRight(cfg.OTLPEndpoint, "/") + "/v1/traces", digest: digest})
	if err != nil {
		return nil, nil, fmt.Errorf("traces: %w", err)
	}
	// By default each failure is written to standard error, which may have no
	// reader.
	failures := rate.Sometimes{Interval: time.Minute}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		failures.Do(func() {
			log.LogAttrs(context.Background(), slog.LevelWarn, "traces cannot be sent", slog.Any("error", err))
		})
	}))
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "todo-api"),
			attribute.String("service.version", cfg.Release),
		)),
	)
	return provider, func(limit time.Duration) {
		// An unreachable collector must not delay the shutdown.
		ctx, cancel := context.WithTimeout(context.Background(), min(limit, 5*time.Second))
		defer cancel()
		_ = provider.Shutdown(ctx)
	}, nil
}

// storeSpans returns an Observer.StoreCall that records a call to the store as a
// span of its request. Calls without a traced request have no span. Spans do not
// contain the list's name.
func storeSpans(provider trace.TracerProvider) func(ctx context.Context, op, key string) (context.Context, func(error)) {
	tracer := provider.Tracer("github.com/gchamon/devops-challenge/services/todo-api")
	return func(ctx context.Context, op, _ string) (context.Context, func(error)) {
		if !trace.SpanContextFromContext(ctx).IsValid() {
			return ctx, func(error) {}
		}
		ctx, span := tracer.Start(ctx, "store "+op, trace.WithSpanKind(trace.SpanKindClient))
		return ctx, func(err error) {
			switch {
			case err == nil:
			case errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrNotFound):
				span.SetAttributes(attribute.Bool("todo.store.absent_or_changed", true))
			default:
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
}

// otlpClient sends spans by OTLP over HTTP (opentelemetry.io/docs/specs/otlp).
// The SDK's own client does more, and links gRPC and html/template for it, which
// add 13 MB.
type otlpClient struct {
	url    string
	digest nameDigest
}

func (*otlpClient) Start(context.Context) error { return nil }

func (*otlpClient) Stop(context.Context) error { return nil }

func (c *otlpClient) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	for _, resource := range spans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.hideName(span)
			}
		}
	}
	// Its encoding equals that of ExportTraceServiceRequest.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is reused
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("traces: %s answers %s", c.url, resp.Status)
	}
	return nil
}

// namedAttributes are the attributes with the request's path or query.
var namedAttributes = []string{"http.target", "http.url", "url.full", "url.path", "url.query"}

var nameInPath = regexp.MustCompile(`/api/(?:lists|state)/([^/?#]+)`)

// hideName replaces the name of a list by its digest. http.route keeps the
// route.
func (c *otlpClient) hideName(span *tracepb.Span) {
	name := ""
	for _, a := range span.Attributes {
		if found := nameInPath.FindStringSubmatch(a.Value.GetStringValue()); found != nil && slices.Contains(namedAttributes, a.Key) {
			name = found[1]
			if decoded, err := url.PathUnescape(name); err == nil {
				name = decoded
			}
		}
	}
	span.Attributes = slices.DeleteFunc(span.Attributes, func(a *commonpb.KeyValue) bool { return slices.Contains(namedAttributes, a.Key) })
	// The log contains the reason of a failure, without names.
	if span.Status != nil {
		span.Status.Message = ""
	}
	span.Events = nil
	if name == "" {
		return
	}
	span.Name = c.digest.scrub(span.Name, name)
	span.Attributes = append(span.Attributes, &commonpb.KeyValue{
		Key:   "todo.list",
		Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: c.digest.of(name)}},
	})
}
