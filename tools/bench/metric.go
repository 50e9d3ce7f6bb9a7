package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// goal is the target of a metric. The zero value is met by every metric.
type goal struct {
	sign  string // ">=", "<=" or none
	bound float64
}

func atLeast(bound float64) goal { return goal{">=", bound} }
func atMost(bound float64) goal  { return goal{"<=", bound} }

// met reports whether a metric that measured value reaches the goal.
func (g goal) met(value float64) bool {
	switch {
	case g == goal{}:
		return true
	case math.IsNaN(value):
		return false
	case g.sign == ">=":
		return value >= g.bound
	default:
		return value <= g.bound
	}
}

// unit is the unit of a metric.
type unit string

const (
	times  unit = "x" // a ratio of two things that ran side by side
	micros unit = "µs"
	millis unit = "ms"
	kilos  unit = "KB" // 1,000 bytes
	megas  unit = "MB" // 1,000,000 bytes
	plain  unit = ""
)

func (u unit) format(value float64) string {
	text := number(value)
	switch {
	case u == plain || math.IsNaN(value) || math.IsInf(value, 0):
		return text
	case u == times:
		return text + "x"
	default:
		return text + " " + string(u)
	}
}

func (g goal) format(u unit) string {
	if (g == goal{}) {
		return ""
	}
	return g.sign + " " + u.format(g.bound)
}

// metric is one line of the table: something measured once a round.
type metric struct {
	what    string
	unit    unit
	samples []float64
	goal    goal
}

func (f metric) median() float64 { return median(f.samples) }

// short reports whether the metric misses its goal.
func (f metric) short() bool { return !f.goal.met(f.median()) }

func (f metric) verdict() string {
	switch {
	case f.goal == goal{}:
		return ""
	case f.short():
		return "short"
	default:
		return "reached"
	}
}

// spread is the lowest and the highest sample.
func (f metric) spread() string {
	if len(f.samples) < 2 {
		return ""
	}
	return number(slices.Min(f.samples)) + " to " + number(slices.Max(f.samples))
}

// median is the middle sample, the mean of both where two are in the middle,
// and NaN when there is none.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// quantile is the smallest value that is no less than the share q of all
// values, which are sorted in place; zero when there are none.
func quantile[T cmp.Ordered](values []T, q float64) T {
	if len(values) == 0 {
		var zero T
		return zero
	}
	slices.Sort(values)
	rank := int(math.Ceil(q*float64(len(values)))) - 1
	return values[min(max(rank, 0), len(values)-1)]
}

// number rounds to what a reader compares: three digits, thousands separated.
func number(value float64) string {
	magnitude := math.Abs(value)
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return "not measured"
	case magnitude >= 99.95:
		digits := strconv.FormatFloat(math.Round(value), 'f', 0, 64)
		sign := ""
		if strings.HasPrefix(digits, "-") {
			sign, digits = "-", digits[1:]
		}
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return sign + digits
	case magnitude >= 9.995:
		return trimZeros(fmt.Sprintf("%.1f", value))
	case magnitude >= 0.0995:
		return trimZeros(fmt.Sprintf("%.2f", value))
	default:
		return trimZeros(fmt.Sprintf("%.3f", value))
	}
}

func trimZeros(decimal string) string {
	return strings.TrimSuffix(strings.TrimRight(decimal, "0"), ".")
}
