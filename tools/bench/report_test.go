//go:build linux

package bench

import (
	"context"
	"debug/buildinfo"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"time"
)

// report has the results of a run.
type report struct {
	machine
	Began   time.Time
	Took    time.Duration
	Rounds  int
	Rows    []*row
	History []past // of the goals of this run
}

//go:embed benchmarks.md.tmpl
var pageTemplate string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{"cell": cell}).Parse(pageTemplate))

// text returns the page, or one of the tables that the template defines.
func (r report) text(name string) string {
	var text strings.Builder
	if err := pages.ExecuteTemplate(&text, name, r); err != nil {
		panic(err) // the template is a part of this package
	}
	return text.String()
}

// Minutes is the duration of the run.
func (r report) Minutes() int { return max(int(r.Took.Round(time.Minute).Minutes()), 1) }

func (r *row) Title() string     { return r.title }
func (r *row) Failed() bool      { return r.failed }
func (r *row) Metrics() []metric { return r.metrics }

// Contestants are the results of each contestant alone.
func (r *row) Contestants() (all []map[string]string) {
	for _, name := range r.contestants {
		cpu := r.turns.each("", name, micros, tally.micros, open)
		c := map[string]string{
			"Name": name, "CPU": cpu.Median(),
			"Rate": r.turns.each("", name, plain, tally.rate, open).Median(),
			"P99":  r.turns.each("", name, millis, tally.p99Millis, open).Median(),
		}
		if median(cpu.samples) == 0 { // of several servers
			c["CPU"] = ""
		}
		all = append(all, c)
	}
	return all
}

// Short returns the names of the metrics that miss their goal.
func (r report) Short() (lines []string) {
	for _, row := range r.Rows {
		for _, m := range row.metrics {
			if m.short() {
				lines = append(lines, row.title+": "+m.line())
			}
		}
		if row.failed {
			lines = append(lines, row.title+": not measured")
		}
	}
	return lines
}

// Reasons are the known reasons of the rows that miss a goal.
func (r report) Reasons() (lines []string) {
	for _, row := range r.Rows {
		if row.why != "" && slices.ContainsFunc(row.metrics, metric.short) && !slices.Contains(lines, row.why) {
			lines = append(lines, row.why)
		}
	}
	return lines
}

// samples returns every turn in the format of Go's benchmarks.
// https://golang.org/design/14313-benchmark-format
func (r report) samples() string {
	var out strings.Builder
	out.WriteString("Unit req/s better=higher\n")
	for _, row := range r.Rows {
		for _, name := range row.contestants {
			for _, t := range row.turns[name] {
				fmt.Fprintf(&out, "BenchmarkRow/%s/%s 1 %g req/s %d p99-ns", row.name, strings.ReplaceAll(name, " ", "_"), t.rate(), t.p99.Nanoseconds())
				if t.cpu > 0 {
					fmt.Fprintf(&out, " %g cpu-ns/op", t.micros()*1000)
				}
				out.WriteString("\n")
			}
		}
	}
	return out.String()
}

// past holds the last values of a goal's metric, oldest first.
type past struct {
	Goal   string
	Values []string
}

// kept is the maximum number of values of a goal.
const kept = 6

// write writes docs/benchmarks.md. The history of the goals is that of the page before,
// with the values of this run.
func (r report) write(root string) error {
	file := filepath.Join(root, "docs", "benchmarks.md")
	page, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	earlier, err := history(string(page))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, row := range r.Rows {
		for _, m := range row.metrics {
			if m.goal == open || len(m.samples) == 0 {
				continue
			}
			goal := row.title + ": " + m.What
			values := append(earlier[cell(goal)], fmt.Sprintf("%s (%s, %s)", m.Median(), r.Began.UTC().Format(time.DateOnly), r.commit))
			r.History = append(r.History, past{goal, values[max(0, len(values)-kept):]})
		}
	}
	return os.WriteFile(file, []byte(r.text("page")), 0o644)
}

var valueOfRun = regexp.MustCompile(`[^ ,(][^(]* \([^)]*\)`)

// history returns the values of each goal in a page.
func history(page string) (map[string][]string, error) {
	_, table, found := strings.Cut(page, "\n## History of the goals\n")
	if page != "" && !found {
		return nil, errors.New("expected a history of the goals, which the new page continues")
	}
	values := make(map[string][]string)
	for line := range strings.Lines(table) {
		if goal, cells, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok {
			values[goal] = valueOfRun.FindAllString(cells, -1)
		}
		if strings.HasPrefix(line, "## ") {
			break
		}
	}
	return values, nil
}

// cell returns text for a table of Markdown.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// machine describes the hardware and software of a run.
type machine struct {
	CPU, Kernel, System string
	Cores               int
	Disk, Objects       string // the file systems: of the repository, and under the S3 server
	Load                string // average of the last minute, at the start
	Versions            []string
	commit              string
}

// describeMachine describes the machine; unknown fields are empty.
func describeMachine(ctx context.Context, s *shared) machine {
	output := func(name string, args ...string) string {
		out, _ := exec.CommandContext(ctx, name, args...).CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	// -f prints one line even if two file systems are mounted at dir.
	fileSystem := func(dir string) string { return output("findmnt", "-fno", "FSTYPE", "-T", dir) }
	m := machine{
		Cores:  runtime.NumCPU(),
		CPU:    field("/proc/cpuinfo", `(?m)^model name\s*:\s*(.*)$`),
		Kernel: field("/proc/sys/kernel/osrelease", `^(\S+)`),
		System: field("/etc/os-release", `(?m)^PRETTY_NAME="?(.*?)"?$`),
		Load:   field("/proc/loadavg", `^(\S+)`),
		Disk:   fileSystem(s.cache), Objects: fileSystem(s.objects),
		commit: output("git", "-C", s.root, "describe", "--always", "--dirty", "--exclude=*"),
	}
	add := func(name, version string) {
		if version != "" {
			m.Versions = append(m.Versions, name+" "+version)
		}
	}
	add("commit", m.commit)
	if info, err := buildinfo.ReadFile(s.api); err == nil {
		add("Go", strings.TrimPrefix(info.GoVersion, "go"))
	}
	_, nginx, _ := strings.Cut(output(s.nginx, "-v"), "/") // nginx version: nginx/1.22.1
	add("nginx", nginx)
	add("PocketBase", moduleVersion(filepath.Join(s.cache, "pocketbase"), "github.com/pocketbase/pocketbase"))
	add("versitygw", moduleVersion(s.versitygw(), "github.com/versity/versitygw"))
	add("Python", strings.TrimPrefix(output(filepath.Join(s.cache, "venv", "bin", "python"), "-V"), "Python "))
	for _, name := range []string{"falcon", "gunicorn", "boto3"} {
		add(name, field(filepath.Join(s.root, "tools", "bench", "predecessor", "requirements.txt"), `(?m)^`+name+`==(\S+)`))
	}
	return m
}

// field returns the first group of the expression's first match in a file.
func field(file, expression string) string {
	text, _ := os.ReadFile(file)
	if found := regexp.MustCompile(expression).FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}

// moduleVersion returns the version of a module in a Go binary.
func moduleVersion(binary, module string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}
