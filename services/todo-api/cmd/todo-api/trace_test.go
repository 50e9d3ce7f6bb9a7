package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Calls to the store are child spans of their request.
func TestStoreCallsAreChildSpans(t *testing.T) {
	var mu sync.Mutex
	var spans []*tracepb.Span
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data tracepb.TracesData
		if err == nil {
			err = proto.Unmarshal(body, &data)
		}
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range data.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				spans = append(spans, scope.Spans...)
			}
		}
	}))
	defer collector.Close()
	p := start(t, "TODO_STORE=file://"+t.TempDir(), "TODO_OTLP_ENDPOINT="+collector.URL)
	p.Expect(201, "POST", "/api/lists/x/todos", `{"title": "a"}`)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	requests, calls := map[string]bool{}, map[string]string{}
	for _, span := range spans {
		id := hex.EncodeToString(span.TraceId) + "/"
		if span.Kind == tracepb.Span_SPAN_KIND_SERVER {
			requests[id+hex.EncodeToString(span.SpanId)] = true
		} else {
			calls[span.Name] = id + hex.EncodeToString(span.ParentSpanId)
		}
	}
	for _, name := range []string{"store get", "store create"} {
		if parent, ok := calls[name]; !ok || !requests[parent] {
			t.Errorf("%s: got %v below %v, want it below the request", name, calls, requests)
		}
	}
}

// A collector that fails is a line of the log.
func TestCollectorFails(t *testing.T) {
	collector := httptest.NewServer(http.NotFoundHandler())
	defer collector.Close()
	p := start(t, "TODO_STORE=mem:", "TODO_OTLP_ENDPOINT="+collector.URL)
	p.Create("l", "x")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(p.log.String(), "traces cannot be sent"); got != 1 {
		t.Errorf("got %d lines about the collector, want 1: %s", got, p.log)
	}
}
