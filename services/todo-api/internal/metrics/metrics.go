// Package metrics defines the Prometheus metrics of the server.
package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/redishints"
)

// Set holds the metrics of one server. It is safe for concurrent use.
type Set struct {
	registry *prometheus.Registry
	factory  promauto.Factory

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	// Streams is the number of open event streams.
	Streams prometheus.Gauge
	// StreamEvents counts the events sent on them.
	StreamEvents prometheus.Counter

	// AcceptFailures counts connections that could not be accepted.
	AcceptFailures prometheus.Counter
	// Connections is the number of open connections.
	Connections prometheus.Gauge

	storeCalls     *prometheus.CounterVec
	storeDurations *prometheus.HistogramVec
	storeFailures  *prometheus.CounterVec

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
	hints      *prometheus.CounterVec
	listening  prometheus.Gauge
}

// namespace is the prefix of every metric.
const namespace = "todo"

// New returns a set whose metrics are zero.
func New(release string) *Set {
	registry := prometheus.NewRegistry()
	f := promauto.With(registry)
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1, labelled with the release that serves.",
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
			Help:    "Time from a request's arrival to its answer, or to the beginning of an event stream.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"}),
		Streams:        f.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "event_streams", Help: "Open event streams."}),
		StreamEvents:   counter("event_stream_events_total", "Events sent on event streams."),
		AcceptFailures: counter("accept_failures_total", "Failed attempts to accept a connection, for example without free descriptors."),
		Connections:    f.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "connections", Help: "Open connections."}),
		storeCalls: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_calls_total", Help: "Calls to the store, by operation and outcome.",
		}, []string{"op", "outcome"}),
		storeDurations: f.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "store_call_duration_seconds", Help: "Duration of calls to the store.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"op"}),
		storeFailures: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_failures_total",
			Help: "Calls that the store refused, did not answer or did not make durable, by reason, which is the operating system's where it has one.",
		}, []string{"reason"}),
		commits:    counter("ledger_commits_total", "Writes of lists that landed."),
		operations: counter("ledger_operations_total", "Operations that landed in those writes."),
		perCommit:  histogram("ledger_operations_per_commit", "Operations that shared a write.", prometheus.ExponentialBuckets(1, 2, 10)),
		commitTime: histogram("ledger_commit_duration_seconds", "Time from the beginning of a commit to its landing.",
			[]float64{.0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}),
		docBytes:   histogram("ledger_document_bytes", "Size of the documents that were written.", prometheus.ExponentialBuckets(256, 4, 9)),
		conflicts:  counter("ledger_conflicts_total", "Writes that another server overtook and that were repeated."),
		staleReads: counter("ledger_stale_reads_total", "Reads that were answered with an old copy because the store was away."),
		damaged:    counter("ledger_damaged_documents_total", "Stored lists that were found damaged."),
		refused:    counter("ledger_refused_total", "Operations and reads refused by a limit."),
		away:       f.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "store_away", Help: "1 while the store does not answer."}),
		hints: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "hints_total",
			Help: "Hints of changes by other servers, by outcome; missed counts changes without a hint.",
		}, []string{"outcome"}),
		listening: f.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "hints_arrive", Help: "1 while hints from other servers arrive."}),
	}
}

// Registry returns the registry to scrape.
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
		StoreError: func(_ string, err error) {
			s.storeFailures.WithLabelValues(lists.Cause(err)).Inc()
		},
		Damaged:   func(string, error) { s.damaged.Inc() },
		Refused:   func(string) { s.refused.Inc() },
		Away:      func(away bool) { s.away.Set(boolean(away)) },
		Hint:      func(_ string, outcome ledger.HintOutcome) { s.hints.WithLabelValues(string(outcome)).Inc() },
		Listening: func(arrive bool) { s.listening.Set(boolean(arrive)) },
	}
}

// boolean returns the value of a gauge that is 0 or 1.
func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Hints adds the messages of a bus. Call it once.
func (s *Set) Hints(stats func() redishints.Stats) {
	counter := func(name, help string, value func(redishints.Stats) uint64) {
		s.factory.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return float64(value(stats())) })
	}
	counter("hints_published_total", "Hints sent to other servers.", func(s redishints.Stats) uint64 { return s.Published })
	counter("hints_dropped_total", "Hints dropped because too many were waiting.", func(s redishints.Stats) uint64 { return s.Dropped })
	counter("hints_ignored_total", "Messages from other programs on the channel of hints.", func(s redishints.Stats) uint64 { return s.Ignored })
}

// LogDropped adds the number of log lines that could not be written. Call it
// once.
func (s *Set) LogDropped(lines *atomic.Uint64) {
	s.factory.NewCounterFunc(prometheus.CounterOpts{
		Namespace: namespace, Name: "log_lines_dropped_total", Help: "Log lines that could not be written.",
	}, func() float64 { return float64(lines.Load()) })
}

// Ledger adds the load of a ledger. Call it once.
func (s *Set) Ledger(stats func() ledger.Stats) {
	gauge := func(name, help string, value func(ledger.Stats) int) {
		s.factory.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return float64(value(stats())) })
	}
	gauge("ledger_keys", "Lists in memory.", func(s ledger.Stats) int { return s.Keys })
	gauge("ledger_waiting", "Operations that are not answered yet.", func(s ledger.Stats) int { return s.Waiting })
	gauge("ledger_failing_keys", "Reads and writes that the store refuses or does not answer, by list.", func(s ledger.Stats) int { return s.Failing })
	gauge("ledger_not_durable_keys", "Lists whose latest write may be lost and is not confirmed.", func(s ledger.Stats) int { return s.NotDurable })
	gauge("ledger_watches", "Watches of lists.", func(s ledger.Stats) int { return s.Watches })
}

// Requests holds the metrics of one operation of the API.
type Requests struct {
	set      *Set
	id       string
	byStatus [500]atomic.Pointer[prometheus.Counter] // from 100 to 599
	duration prometheus.Observer
}

// Operation returns the metrics of an operation. Looking them up costs more
// than using them: keep the result.
func (s *Set) Operation(id string) *Requests {
	return &Requests{set: s, id: id, duration: s.durations.WithLabelValues(id)}
}

// Answered counts an answer. The status is between 100 and 599.
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
