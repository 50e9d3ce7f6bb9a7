package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// kept is how many runs the history of a goal shows.
const kept = 6

// past is what a metric with a goal measured in a run: a line of history.csv.
type past struct{ date, commit, metric, value string }

func (p past) fields() []string { return []string{p.date, p.commit, p.metric, p.value} }

// readHistory reads a history, which need not exist. The oldest run is first.
func readHistory(file string) ([]past, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	history := make([]past, len(lines))
	for i, line := range lines {
		if len(line) != 4 {
			return nil, fmt.Errorf("%s:%d: expected date, commit, metric and value", file, i+1)
		}
		history[i] = past{line[0], line[1], line[2], line[3]}
	}
	return history, nil
}

// goals are the metrics of the run that have a goal.
func (r report) goals() (all []past) {
	for _, row := range r.rows {
		for _, f := range row.metrics {
			if (f.goal != goal{}) && len(f.samples) > 0 {
				all = append(all, past{r.began.UTC().Format(time.DateOnly), r.machine.commit, row.row.title + ": " + f.what, f.unit.format(f.median())})
			}
		}
	}
	return all
}

// withRun returns the history with one more run, and without what is too old to
// be shown.
func withRun(history, run []past) []past {
	history = slices.Concat(history, run)
	seen := make(map[string]int)
	var latest []past
	for _, p := range slices.Backward(history) {
		if seen[p.metric]++; seen[p.metric] <= kept {
			latest = append(latest, p)
		}
	}
	slices.Reverse(latest)
	return latest
}

func writeHistory(file string, history []past) error {
	var text strings.Builder
	w := csv.NewWriter(&text)
	for _, p := range history {
		if err := w.Write(p.fields()); err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(w.Error(), os.WriteFile(file, []byte(text.String()), 0o644))
}

// historyTable has a line for each goal of the latest run.
func historyTable(history, run []past) string {
	values := make(map[string][]string)
	for _, p := range history {
		values[p.metric] = append(values[p.metric], fmt.Sprintf("%s (%s, %s)", p.value, p.date, p.commit))
	}
	var out strings.Builder
	out.WriteString("| goal | measured, the oldest first |\n|---|---|\n")
	for _, p := range run {
		fmt.Fprintf(&out, "| %s | %s |\n", cell(p.metric), cell(strings.Join(values[p.metric], ", ")))
	}
	return out.String()
}
