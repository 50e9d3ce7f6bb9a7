package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The chart's measures, in pixels.
const (
	chartWidth = 900
	labelWidth = 430 // of the texts before the bars
	valueWidth = 140 // of those behind them
	lineHeight = 20
	barHeight  = 10
	margin     = 16
)

// scale is a logarithmic axis from the power of ten low to high.
type scale struct{ low, high int }

// newScale holds all values, and 1.
func newScale(values []float64) scale {
	s := scale{low: -1, high: 1}
	for _, v := range values {
		if v <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		exponent := math.Log10(v)
		s.low = min(s.low, int(math.Floor(exponent)))
		s.high = max(s.high, int(math.Ceil(exponent)))
	}
	return s
}

// x is where a value stands; what is not on the axis stands at its near end.
func (s scale) x(value float64) float64 {
	exponent := math.Log10(value)
	if math.IsNaN(exponent) {
		exponent = float64(s.low)
	}
	share := (exponent - float64(s.low)) / float64(s.high-s.low)
	return labelWidth + min(max(share, 0), 1)*(chartWidth-labelWidth-valueWidth)
}

// escape makes text fit for XML.
func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a Builder takes all
	return out.String()
}

const chartStyle = `
    .ground { fill: #ffffff }
    text { font: 12px system-ui, sans-serif; fill: #1f2328 }
    .head { font-weight: 600 }
    .faint, .axis { fill: #59636e }
    .grid { stroke: #d1d9e0; stroke-width: 1 }
    .one { stroke: #59636e; stroke-width: 1 }
    .reached { fill: #2f7d4f }
    .short { fill: #c2410c }
    .free { fill: #8c959f }
    .spread { stroke: #1f2328; stroke-width: 1.5 }
    .goal { stroke: #0550ae; stroke-width: 2.5 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 }
      text { fill: #f0f6fc }
      .faint, .axis { fill: #9198a1 }
      .grid { stroke: #2f353d }
      .one { stroke: #9198a1 }
      .reached { fill: #3fb068 }
      .short { fill: #f0883e }
      .free { fill: #6e7681 }
      .spread { stroke: #f0f6fc }
      .goal { stroke: #79c0ff }
    }
  `

// chart draws the ratios on a logarithmic axis: a bar from 1 to the median, a
// line from the lowest to the highest round, a mark where the goal is.
func (r report) chart() string {
	var values []float64
	lines := 0
	for _, row := range r.rows {
		here := ratiosOf(row.figures)
		if len(here) > 0 {
			lines += len(here) + 1
		}
		for _, f := range here {
			values = append(values, f.samples...)
			values = append(values, f.goal.bound)
		}
	}
	axis := newScale(values)
	const top = margin + 3*lineHeight
	bottom := top + lines*lineHeight
	height := bottom + lineHeight + margin

	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title">
  <title id="title">Ratios measured on %s</title>
  <style>%s</style>
  <rect class="ground" width="%d" height="%d"/>
`, chartWidth, height, chartWidth, height, r.began.UTC().Format("2006-01-02"), chartStyle, chartWidth, height)
	text := func(x float64, y int, class, anchor, content string) {
		fmt.Fprintf(&out, "  <text x=\"%.1f\" y=\"%d\" class=\"%s\" text-anchor=\"%s\">%s</text>\n", x, y, class, anchor, escape(content))
	}
	line := func(x1 float64, y1 int, x2 float64, y2 int, class string) {
		fmt.Fprintf(&out, "  <line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" class=\"%s\"/>\n", x1, y1, x2, y2, class)
	}
	bar := func(from, to float64, y int, class string) {
		fmt.Fprintf(&out, "  <rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>\n",
			min(from, to), y-barHeight+1, max(math.Abs(to-from), 1), barHeight, class)
	}

	// What the colours and marks mean.
	x, y := float64(margin), margin+10
	for _, key := range []struct{ class, name string }{{"reached", "goal reached"}, {"short", "short of its goal"}, {"free", "no goal"}} {
		bar(x, x+18, y, key.class)
		text(x+24, y, "faint", "start", key.name)
		x += 34 + 7*float64(len(key.name))
	}
	line(x, y-11, x, y+3, "goal")
	text(x+8, y, "faint", "start", "goal")
	x += 52
	line(x, y-4, x+18, y-4, "spread")
	text(x+24, y, "faint", "start", "lowest to highest round")

	for exponent := axis.low; exponent <= axis.high; exponent++ {
		at := axis.x(math.Pow10(exponent))
		class := "grid"
		if exponent == 0 {
			class = "one"
		}
		line(at, top-lineHeight/2, at, bottom, class)
		text(at, top-lineHeight, "axis", "middle", times.format(math.Pow10(exponent)))
		text(at, bottom+lineHeight, "axis", "middle", times.format(math.Pow10(exponent)))
	}

	y = top
	for _, row := range r.rows {
		here := ratiosOf(row.figures)
		if len(here) == 0 {
			continue
		}
		y += lineHeight
		text(margin, y, "head", "start", row.row.title)
		for _, f := range here {
			y += lineHeight
			class := "reached"
			switch {
			case f.goal == goal{}:
				class = "free"
			case f.short():
				class = "short"
			}
			text(labelWidth-10, y, "", "end", f.what)
			bar(axis.x(1), axis.x(f.median()), y, class)
			line(axis.x(slices.Min(f.samples)), y-4, axis.x(slices.Max(f.samples)), y-4, "spread")
			label := times.format(f.median())
			if (f.goal != goal{}) {
				line(axis.x(f.goal.bound), y-11, axis.x(f.goal.bound), y+3, "goal")
				label += " (" + f.goal.format(times) + ")"
			}
			text(chartWidth-margin, y, "", "end", label)
		}
	}
	out.WriteString("</svg>\n")
	return out.String()
}

// ratiosOf are the figures that the chart shows.
func ratiosOf(figures []figure) []figure {
	return slices.DeleteFunc(slices.Clone(figures), func(f figure) bool {
		return f.unit != times || math.IsNaN(f.median()) || math.IsInf(f.median(), 0)
	})
}
