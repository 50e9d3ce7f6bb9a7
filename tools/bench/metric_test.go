//go:build linux

package bench

import (
	"cmp"
	"math"
	"slices"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	format "golang.org/x/text/number"
)

// goal is the target of a metric. The zero value is met by every metric.
type goal struct {
	sign  string // ">=", "<=" or none
	bound float64
}

func atLeast(bound float64) goal { return goal{">=", bound} }
func atMost(bound float64) goal  { return goal{"<=", bound} }

var open goal

// met reports whether a metric that measured value reaches the goal.
func (g goal) met(value float64) bool {
	return g == open || g.sign == ">=" && value >= g.bound || g.sign == "<=" && value <= g.bound
}

// unit is the unit of a metric.
type unit string

const (
	times  unit = "x" // a ratio of two things that ran side by side
	micros unit = " µs"
	millis unit = " ms"
	kilos  unit = " KB" // 1,000 bytes
	megas  unit = " MB" // 1,000,000 bytes
	plain  unit = ""
)

func (u unit) format(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return number(value)
	}
	return number(value) + string(u)
}

// metric is one line of the table: something measured once a round.
type metric struct {
	What    string
	unit    unit
	samples []float64
	goal    goal
}

func (m metric) Median() string { return m.unit.format(median(m.samples)) }

func (m metric) Goal() string {
	if m.goal == open {
		return ""
	}
	return m.goal.sign + " " + m.unit.format(m.goal.bound)
}

// short reports whether the metric misses its goal.
func (m metric) short() bool { return !m.goal.met(median(m.samples)) }

func (m metric) Verdict() string {
	switch {
	case m.goal == open:
		return ""
	case m.short():
		return "short"
	default:
		return "reached"
	}
}

// Spread returns the lowest and the highest sample.
func (m metric) Spread() string {
	if len(m.samples) < 2 {
		return ""
	}
	return number(slices.Min(m.samples)) + " to " + number(slices.Max(m.samples))
}

// line returns the metric as one line of a log.
func (m metric) line() string {
	text := m.What + ": " + m.Median()
	if s := m.Spread(); s != "" {
		text += " (" + s + ")"
	}
	if m.goal != open {
		text += ", " + m.Goal() + ": " + m.Verdict()
	}
	return text
}

// median returns the median of the samples, or NaN without samples.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// quantile returns the smallest value that is not below the share q of all values,
// or zero without values. It sorts values in place.
func quantile[T cmp.Ordered](values []T, q float64) (value T) {
	if len(values) == 0 {
		return value
	}
	slices.Sort(values)
	rank := int(math.Ceil(q*float64(len(values)))) - 1
	return values[min(max(rank, 0), len(values)-1)]
}

// number formats a value with three significant digits and separated thousands.
func number(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return "not measured"
	}
	digits := 3
	for _, limit := range []float64{0.0995, 9.995, 99.95} {
		if math.Abs(value) >= limit {
			digits--
		}
	}
	return message.NewPrinter(language.English).Sprint(format.Decimal(value, format.MaxFractionDigits(digits)))
}
