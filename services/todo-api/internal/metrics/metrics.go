// Package metrics holds the figures of one server, for Prometheus.
package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
)

// Set is the figures of one server. It is safe for concurrent use.
type Set struct {
	registry *prometheus.Registry
	factory  promauto.Factory

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	// Streams is the number of open event streams.
	Streams prometheus.Gauge
	// StreamEvents counts what was sent on them.
	StreamEvents prometheus.Counter

	// AcceptFailures counts connections that could not be accepted.
	AcceptFailures prometheus.Counter
	// Connections is the number of open connections.
	Connections prometheus.Gauge

	storeCalls     *prometheus.CounterVec
	storeDurations *prometheus.HistogramVec

	commits    prometheus.Counter
	operations prometheus.Counter
	perCommit  prometheus.Histogram
	commitTime prometheus.Histogram
	docBytes   prometheus.Histogram
	conflicts  prometheus.Counter
	staleReads prometheus.Counter
	damaged    prometheus.Counter
	refused    prometheus.Counter
	away       prometheus.Gauge
}

// Every figure begins with this.
const namespace = "todo"

// New returns a set in which everything is zero.
func New(release string) *Set {
	registry := prometheus.NewRegistry()
	f := promauto.With(registry)
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1, labelled with what serves.",
		ConstLabels: prometheus.Labels{"release": release},
	}, func() float64 { return 1 })

	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	}
	return &Set{
		registry: registry,
		factory:  f,
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_requests_total",
			Help: "Requests answered, by the contract's operationId and status.",
		}, []string{"operation", "status"}),
		durations: f.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "http_request_duration_seconds",
			Help:    "Time from a request's arrival to its answer, which of an event stream is its beginning.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"}),
		Streams:        f.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "event_streams", Help: "Event streams that are open."}),
		StreamEvents:   counter("event_stream_events_total", "Events sent on event streams."),
		AcceptFailures: counter("accept_failures_total", "Failed attempts to accept a connection, for example without free descriptors."),
		Connections:    f.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "connections", Help: "Open connections."}),
		storeCalls: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_calls_total", Help: "Calls to the store, by operation and outcome.",
		}, []string{"op", "outcome"}),
		storeDurations: f.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "store_call_duration_seconds", Help: "Time that calls to the store took.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"op"}),
		commits:    counter("ledger_commits_total", "Writes of lists that landed."),
		operations: counter("ledger_operations_total", "Operations that landed with them."),
		perCommit:  histogram("ledger_operations_per_commit", "Operations that shared a write.", prometheus.ExponentialBuckets(1, 2, 10)),
		commitTime: histogram("ledger_commit_duration_seconds", "Time from the beginning of a commit to its landing.",
			[]float64{.0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}),
		docBytes:   histogram("ledger_document_bytes", "Size of the documents that were written.", prometheus.ExponentialBuckets(256, 4, 9)),
		conflicts:  counter("ledger_conflicts_total", "Writes that were overtaken by another server, and done again."),
		staleReads: counter("ledger_stale_reads_total", "Reads that were answered with an old copy because the store was away."),
		damaged:    counter("ledger_damaged_documents_total", "Stored lists that were found damaged."),
		refused:    counter("ledger_refused_total", "Operations and reads that met a limit."),
		away:       f.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "store_away", Help: "1 while the store does not answer."}),
	}
}

// Registry is where the figures are read.
func (s *Set) Registry() *prometheus.Registry { return s.registry }

// Observer returns the observer of a ledger that sets its metrics.
func (s *Set) Observer() ledger.Observer {
	return ledger.Observer{
		Commit: func(c ledger.Commit) {
			s.commits.Inc()
			s.operations.Add(float64(c.Operations))
			s.perCommit.Observe(float64(c.Operations))
			s.commitTime.Observe(c.Duration.Seconds())
			s.docBytes.Observe(float64(c.Bytes))
		},
		Conflict:  func(string) { s.conflicts.Inc() },
		StaleRead: func(string, time.Duration) { s.staleReads.Inc() },
		Damaged:   func(string, error) { s.damaged.Inc() },
		Refused:   func(string) { s.refused.Inc() },
		Away: func(away bool) {
			if away {
				s.away.Set(1)
			} else {
				s.away.Set(0)
			}
		},
	}
}

// LogDropped adds the number of log lines that could not be written. Call it
// once.
func (s *Set) LogDropped(lines *atomic.Uint64) {
	s.factory.NewCounterFunc(prometheus.CounterOpts{
		Namespace: namespace, Name: "log_lines_dropped_total", Help: "Log lines that could not be written.",
	}, func() float64 { return float64(lines.Load()) })
}

// Ledger adds the load of a ledger to the figures. Call it once.
func (s *Set) Ledger(stats func() ledger.Stats) {
	gauge := func(name, help string, value func(ledger.Stats) int) {
		s.factory.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return float64(value(stats())) })
	}
	gauge("ledger_keys", "Lists in memory.", func(s ledger.Stats) int { return s.Keys })
	gauge("ledger_waiting", "Operations that are not yet answered.", func(s ledger.Stats) int { return s.Waiting })
	gauge("ledger_failing_keys", "Reads and writes that the store refuses or does not answer, by list.", func(s ledger.Stats) int { return s.Failing })
	gauge("ledger_not_durable_keys", "Lists whose latest write may be lost and is not confirmed.", func(s ledger.Stats) int { return s.NotDurable })
	gauge("ledger_watches", "Watches of lists.", func(s ledger.Stats) int { return s.Watches })
}

// Requests is the figures of one operation of the API.
type Requests struct {
	set      *Set
	id       string
	byStatus [500]atomic.Pointer[prometheus.Counter] // from 100 to 599
	duration prometheus.Observer
}

// Operation returns the figures of an operation. Finding them costs more than
// counting with them.
func (s *Set) Operation(id string) *Requests {
	return &Requests{set: s, id: id, duration: s.durations.WithLabelValues(id)}
}

// Answered counts one answer. The status is from 100 to 599.
func (r *Requests) Answered(status int, took time.Duration) {
	known := &r.byStatus[status-100]
	c := known.Load()
	if c == nil {
		counter := r.set.requests.WithLabelValues(r.id, strconv.Itoa(status))
		c = &counter
		known.Store(c)
	}
	(*c).Inc()
	r.duration.Observe(took.Seconds())
}
