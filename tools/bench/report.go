package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"
)

// report is what a run has measured.
type report struct {
	machine  machine
	began    time.Time
	took     time.Duration
	rounds   int
	rows     []rowReport
	measured []measurement
}

// rowReport is what a row has measured, or why not.
type rowReport struct {
	row     row
	metrics []metric
	err     error
}

// line is the metric as one line of a log.
func (f metric) line() string {
	text := f.what + ": " + f.unit.format(f.median())
	if s := f.spread(); s != "" {
		text += " (" + s + ")"
	}
	if g := f.goal.format(f.unit); g != "" {
		text += ", " + g + ": " + f.verdict()
	}
	return text
}

// short names the metrics that miss their goal.
func (r report) short() []string {
	var lines []string
	for _, row := range r.rows {
		for _, f := range row.metrics {
			if f.short() {
				lines = append(lines, row.row.title+": "+f.line())
			}
		}
		if row.err != nil {
			lines = append(lines, row.row.title+": not measured")
		}
	}
	return lines
}

// reasons are what is known about the rows that fall short.
func (r report) reasons() []string {
	var lines []string
	for _, row := range r.rows {
		if row.row.why != "" && slices.ContainsFunc(row.metrics, metric.short) && !slices.Contains(lines, row.row.why) {
			lines = append(lines, row.row.why)
		}
	}
	return lines
}

// cell escapes what would end a cell of a Markdown table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// markdown is the table of docs/benchmarks.md.
func (r report) markdown() string {
	var out strings.Builder
	out.WriteString("| metric | median | lowest to highest | goal | |\n|---|---|---|---|---|\n")
	for _, row := range r.rows {
		fmt.Fprintf(&out, "| **%s** | | | | |\n", cell(row.row.title))
		if row.err != nil {
			out.WriteString("| not measured | | | | |\n")
		}
		for _, f := range row.metrics {
			verdict := f.verdict()
			if f.short() {
				verdict = "**short**"
			}
			fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", cell(f.what), f.unit.format(f.median()), f.spread(), f.goal.format(f.unit), verdict)
		}
	}
	return out.String()
}

// absolute is the table of what each contestant did by itself.
func (r report) absolute() string {
	titles := make(map[string]string)
	for _, row := range r.rows {
		titles[row.row.name] = row.row.title
	}
	var out strings.Builder
	out.WriteString("| row | contestant | good answers a second | CPU a request | 99th percentile |\n|---|---|---|---|---|\n")
	for _, m := range r.measured {
		cpu := ""
		if n := median(each(m.tallies, tally.micros)); n > 0 {
			cpu = micros.format(n)
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", cell(titles[m.row]), cell(m.name),
			number(median(each(m.tallies, tally.rate))), cpu, millis.format(median(each(m.tallies, p99))))
	}
	return out.String()
}

// samples is every turn in the format of Go's benchmarks.
// https://golang.org/design/14313-benchmark-format
func samples(measured []measurement) string {
	var out strings.Builder
	out.WriteString("Unit req/s better=higher\n")
	for _, m := range measured {
		for _, t := range m.tallies {
			fmt.Fprintf(&out, "BenchmarkRow/%s/%s 1 %g req/s %d p99-ns", m.row, strings.ReplaceAll(m.name, " ", "_"), t.rate(), t.p99.Nanoseconds())
			if t.cpu > 0 {
				fmt.Fprintf(&out, " %g cpu-ns/op", t.micros()*1000)
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

func appendSamples(file string, measured []measurement) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(samples(measured))
	return errors.Join(err, f.Close())
}

//go:embed benchmarks.md.tmpl
var pageTemplate string

// write writes docs/benchmarks.md, and adds the run to the history of goals.
func (r report) write(root string) error {
	file := filepath.Join(root, "tools", "bench", "history.csv")
	history, err := readHistory(file)
	if err != nil {
		return err
	}
	history = withRun(history, r.goals())
	page, err := template.New("benchmarks.md").Parse(pageTemplate)
	if err != nil {
		return err
	}
	var text strings.Builder
	err = page.Execute(&text, map[string]any{
		"Date":     r.began.UTC().Format(time.DateOnly),
		"Minutes":  fmt.Sprintf("%.0f", max(r.took.Minutes(), 1)),
		"Rounds":   r.rounds,
		"CPU":      r.machine.cpu,
		"Cores":    r.machine.cores,
		"Kernel":   r.machine.kernel,
		"System":   r.machine.system,
		"Disk":     r.machine.disk,
		"Objects":  r.machine.objects,
		"Load":     r.machine.load,
		"Versions": strings.Join(r.machine.versions, ", "),
		"Table":    r.markdown(),
		"Absolute": r.absolute(),
		"Short":    r.short(),
		"Reasons":  r.reasons(),
		"History":  historyTable(history, r.goals()),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "docs", "benchmarks.md"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	return writeHistory(file, history)
}
