package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type runner struct {
	root     string
	ci       bool
	verbose  bool     // everything to out, too
	without  []string // needs that a person has declared absent
	out      io.Writer
	terminal bool

	needs map[string]provision // the needs that were set up, or were tried
}

// provision is what came of setting up one need.
type provision struct {
	env []string // NAME=value, or PATH+=folder
	err error
}

// errUnavailable: a need cannot be had on this machine, as opposed to a setup
// that broke.
var errUnavailable = errors.New("not to be had here")

// exitUnavailable is how a setup script says so (EX_UNAVAILABLE of sysexits).
const exitUnavailable = 69

// result is how one suite ended.
type result struct {
	suite suite
	tally
	notRun  string // why it did not run, although that is allowed here
	trouble string // why it failed beyond its tests
	took    time.Duration
}

func (r *runner) runAll(ctx context.Context, suites []suite) []result {
	results := make([]result, 0, len(suites))
	for _, s := range suites {
		res := result{suite: s}
		if ctx.Err() != nil {
			res.trouble = "interrupted"
		} else {
			res = r.run(ctx, s)
		}
		results = append(results, res)
	}
	return results
}

func (r *runner) run(ctx context.Context, s suite) (res result) {
	res.suite = s
	start := time.Now()
	defer func() {
		res.took = time.Since(start)
		r.closeSuite(&res)
	}()

	for _, need := range s.Needs {
		if slices.Contains(r.without, firstWord(need)) {
			res.notRun = "without " + firstWord(need)
			return res
		}
	}
	needs := s.Needs
	if s.Go != "" {
		needs = append([]string{"gotool gotestsum"}, needs...)
	}
	env, err := r.setup(ctx, needs)
	if err != nil {
		if s.Optional && errors.Is(err, errUnavailable) {
			res.notRun = err.Error()
		} else {
			res.trouble = err.Error()
		}
		return res
	}

	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	dir := filepath.Join(r.root, s.Dir)
	args, reports := []string{"bash", "-euo", "pipefail", "-c", s.Command}, ""
	switch {
	case s.Go != "":
		reports = filepath.Join(r.root, ".cache", "junit", slug(s.Name)+".xml")
		args = slices.Concat(
			[]string{
				filepath.Join(r.root, ".cache", "bin", "gotestsum"), "--format", "pkgname", "--junitfile", reports, "--",
				// Go's own limit comes first: it says which test hangs, and where.
				"-race", "-shuffle=on", "-count=1", "-timeout", (s.Timeout * 9 / 10).String(),
			},
			strings.Fields(s.Go))
	case s.JUnit != "":
		reports = filepath.Join(dir, s.JUnit)
	}
	if reports != "" {
		// A report of an earlier run must not be taken for this one's.
		old, _ := filepath.Glob(reports)
		for _, file := range old {
			if err := os.Remove(file); err != nil {
				res.trouble = err.Error()
				return res
			}
		}
		if err := os.MkdirAll(filepath.Dir(reports), 0o755); err != nil {
			res.trouble = err.Error()
			return res
		}
	}

	fmt.Fprintf(r.out, "=== %s%s\n", s.Name, on(s))
	failure := r.execute(ctx, s.Name, r.logFile(s), dir, env, args)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		failure = fmt.Errorf("not done after %v", s.Timeout)
	}
	if s.check {
		if failure != nil {
			res.failed = []finding{{s.Name, failure.Error()}}
			r.showTail(r.logFile(s))
		} else {
			res.passed = 1
		}
		return res
	}

	var reportErr error
	res.tally, reportErr = readReports(reports)
	switch {
	case failure != nil && len(res.failed) == 0:
		res.trouble = "no test failed, but the command did: " + failure.Error()
	case reportErr != nil:
		res.trouble = reportErr.Error()
	case res.passed+len(res.failed)+len(res.skipped) == 0:
		res.trouble = "ran no test"
	}
	if res.trouble != "" || slices.ContainsFunc(res.failed, notBuilt) {
		r.showTail(r.logFile(s))
	}
	return res
}

// notBuilt: gotestsum's report names a package that does not compile, but not
// what the compiler said.
func notBuilt(f finding) bool {
	return strings.Contains(f.message, "[build failed]") || strings.Contains(f.message, "[setup failed]")
}

// closeSuite applies the rules of CI and says how the suite ended.
func (r *runner) closeSuite(res *result) {
	if r.ci && res.notRun != "" {
		res.trouble, res.notRun = "not run ("+res.notRun+"), which CI does not allow", ""
	}
	if r.ci && len(res.skipped) > 0 && res.trouble == "" {
		res.trouble = "skipped tests, which CI does not allow"
	}
	for _, f := range res.failed {
		if !res.suite.check {
			fmt.Fprintf(r.out, "\n    FAILED %s\n%s\n", f.test, indent(f.message, 40))
		}
	}
	for _, f := range res.skipped {
		fmt.Fprintf(r.out, "    skipped %s: %s\n", f.test, reason(f.message))
	}
	verdict := "ok"
	switch {
	case res.notRun != "":
		verdict = "NOT RUN: " + res.notRun
	case res.trouble != "":
		verdict = "FAILED: " + res.trouble
	case len(res.failed) > 0:
		verdict = "FAILED"
	}
	fmt.Fprintf(r.out, "--- %s: %s (%.1f s)\n", res.suite.Name, verdict, res.took.Seconds())
}

// missing says in one message, before anything starts, what this machine lacks
// for the suites, as tools/setup/missing tells it. An optional suite may lack
// its needs outside CI.
func (r *runner) missing(ctx context.Context, suites []suite) error {
	script := setupScript(r.root, "missing")
	if _, err := os.Stat(script); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	args := []string{}
	for _, s := range suites {
		if s.Optional && !r.ci || slices.ContainsFunc(s.Needs, func(n string) bool { return slices.Contains(r.without, firstWord(n)) }) {
			continue
		}
		for _, need := range s.Needs {
			if word, _, _ := strings.Cut(firstWord(need), "="); !slices.Contains(args, word) {
				args = append(args, word)
			}
		}
	}
	said, err := exec.CommandContext(ctx, script, args...).CombinedOutput()
	if err != nil {
		return errors.New(strings.TrimSpace(string(said)))
	}
	return nil
}

// setup makes each need ready, once in a run, and returns the environment for
// what needs them.
func (r *runner) setup(ctx context.Context, needs []string) ([]string, error) {
	var settings []string
	for _, need := range needs {
		p, tried := r.needs[need]
		if !tried {
			p.env, p.err = r.setUp(ctx, need)
			if r.needs == nil {
				r.needs = map[string]provision{}
			}
			r.needs[need] = p
		}
		if p.err != nil {
			return nil, p.err
		}
		settings = append(settings, p.env...)
	}
	return r.environ(settings), nil
}

// setUp runs the script of one need. Only one setup runs at a time in a clone:
// scripts may then assume that nobody else installs what they install.
func (r *runner) setUp(ctx context.Context, need string) ([]string, error) {
	if err := os.MkdirAll(filepath.Join(r.root, ".cache", "logs"), 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(r.root, ".cache", "setup.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("%s: %w", lock.Name(), err)
	}

	settings, err := os.CreateTemp("", "setup-env")
	if err != nil {
		return nil, err
	}
	settings.Close()
	defer os.Remove(settings.Name())

	log := filepath.Join(r.root, ".cache", "logs", "setup-"+slug(need)+".log")
	words := strings.Fields(need)
	args := append([]string{setupScript(r.root, need)}, words[1:]...)
	err = r.execute(ctx, "setting up "+need, log, r.root, r.environ([]string{"SETUP_ENV=" + settings.Name()}), args)
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == exitUnavailable {
			return nil, fmt.Errorf("%s: %w: %s", need, errUnavailable, lastLine(log))
		}
		r.showTail(log)
		return nil, fmt.Errorf("setting up %s: %w", need, err)
	}
	data, err := os.ReadFile(settings.Name())
	if err != nil {
		return nil, err
	}
	var env []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("setting up %s: line %q of SETUP_ENV: want NAME=value or PATH+=folder", need, line)
		}
		env = append(env, line)
	}
	return env, nil
}

// environ is this process's environment with the settings over it. Modules are
// built as those who import them do, without the workspace.
func (r *runner) environ(settings []string) []string {
	path := filepath.Join(r.root, ".cache", "bin") + string(os.PathListSeparator) + os.Getenv("PATH")
	env := map[string]string{}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if name == "PATH+" {
			path = value + string(os.PathListSeparator) + path
			continue
		}
		env[name] = value
	}
	env["PATH"], env["ROOT"], env["GOWORK"] = path, r.root, "off"
	all := os.Environ()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, name+"="+env[name]) // the last one counts
	}
	return all
}

// execute runs a command with its output in the log. All that it started ends
// with it, or with ctx.
func (r *runner) execute(ctx context.Context, name, log, dir string, env, args []string) error {
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return err
	}
	file, err := os.Create(log)
	if err != nil {
		return err
	}
	defer file.Close()

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdout, cmd.Stderr = file, file
	if r.verbose {
		both := io.MultiWriter(file, r.out)
		cmd.Stdout, cmd.Stderr = both, both
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.heartbeat(name, log, done)
	}()
	err = cmd.Wait()
	close(done)
	<-stopped
	// Who waited for SIGTERM in vain, and who stayed behind in the group.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	return err
}

// heartbeat shows that something goes on: on a terminal a line that changes
// each second, elsewhere a new line each half minute.
func (r *runner) heartbeat(name, log string, done <-chan struct{}) {
	if r.verbose {
		return
	}
	interval := 30 * time.Second
	if r.terminal {
		interval = time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	start := time.Now()
	for {
		select {
		case <-done:
			if r.terminal {
				fmt.Fprint(r.out, "\r\033[K")
			}
			return
		case <-ticker.C:
			line := fmt.Sprintf("    %s %3.0f s  %s", name, time.Since(start).Seconds(), clip(lastLine(log), 70))
			if r.terminal {
				fmt.Fprint(r.out, "\r\033[K"+line)
			} else {
				fmt.Fprintln(r.out, line)
			}
		}
	}
}

// with sets up the needs and runs the command in the foreground.
func (r *runner) with(ctx context.Context, needs, command []string) error {
	for i, need := range needs {
		needs[i] = strings.ReplaceAll(need, "=", " ") // gotool=gotestsum
		if _, err := os.Stat(setupScript(r.root, needs[i])); err != nil {
			return fmt.Errorf("need %q: want an executable tools/setup/%s", need, firstWord(needs[i]))
		}
	}
	env, err := r.setup(ctx, needs)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, r.out, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if path, err := lookPath(command[0], env); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	return cmd.Run()
}

// lookPath finds a command on the PATH of env rather than on our own.
func lookPath(name string, env []string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		return name, nil
	}
	path := ""
	for _, setting := range env {
		if value, ok := strings.CutPrefix(setting, "PATH="); ok {
			path = value
		}
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", exec.ErrNotFound
}

func (r *runner) logFile(s suite) string {
	kind := "suite-"
	if s.check {
		kind = "lint-"
	}
	return filepath.Join(r.root, ".cache", "logs", kind+slug(s.Name)+".log")
}

// showTail prints the end of a log, and where the rest is.
func (r *runner) showTail(log string) {
	if r.verbose {
		return
	}
	data, err := os.ReadFile(log)
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if cut := len(lines) - 60; cut > 0 {
		lines = append([]string{fmt.Sprintf("... %d lines before, in %s", cut, log)}, lines[cut:]...)
	}
	fmt.Fprintln(r.out, "    | "+strings.Join(lines, "\n    | "))
}

func lastLine(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 4096 {
		if _, err := f.Seek(-4096, io.SeekEnd); err != nil {
			return ""
		}
	}
	last := ""
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			last = line
		}
	}
	return last
}

func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' {
			return '-'
		}
		return r
	}, name)
}

func on(s suite) string {
	if s.RunsOn == "" {
		return ""
	}
	return " on " + s.RunsOn
}

func indent(text string, limit int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > limit {
		lines = append(lines[:limit], fmt.Sprintf("... and %d more lines, in the log", len(lines)-limit))
	}
	return "        " + strings.Join(lines, "\n        ")
}

// reason is the first line of a message that is not go test's own.
func reason(message string) string {
	for line := range strings.Lines(message) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			return line
		}
	}
	return "no reason given"
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
