package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// repository is a folder with suites.yaml, an empty folder "code", and setup
// scripts by name; the working directory is within it.
func repository(t *testing.T, plan string, setups map[string]string) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, planFile), plan, 0o644)
	for name, script := range setups {
		write(t, filepath.Join(root, "tools", "setup", name), "#!/usr/bin/env bash\n"+script, 0o755)
	}
	if err := os.MkdirAll(filepath.Join(root, "code"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "code"))
	return root
}

func write(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func suites(t *testing.T, ci bool, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), args, func(name string) string {
		if name == "CI" {
			return strconv.FormatBool(ci)
		}
		return ""
	}, &out)
	return out.String(), err
}

const (
	passing = `<testsuites><testsuite><testcase classname="a" name="one"/><testcase classname="a" name="two"/></testsuite></testsuites>`
	failing = `<testsuite><testsuite><testcase classname="a" name="breaks"><failure message="got 1, want 2">where</failure></testcase></testsuite><testcase name="one"/></testsuite>`
	skipped = `<testsuites><testsuite><testcase classname="a" name="absent"><skipped message="no network"/></testcase><testcase name="one"/></testsuite></testsuites>`
)

func TestVerdicts(t *testing.T) {
	setups := map[string]string{
		"there":   "",
		"away":    "echo trying; echo 'missing: a thing' >&2; exit 69",
		"broken":  "echo 'no space left'; exit 3",
		"garbled": `echo "export A=1" >>"$SETUP_ENV"`,
	}
	report := func(xml string) string { return "printf '%s' '" + xml + "' >r.xml" }
	tests := []struct {
		name    string
		row     string // what stands in the suite's row besides name, dir, runs_on and junit
		command string
		args    []string
		ci      bool
		last    string // the last line
		says    string // and what else must be said
		ok      bool
	}{
		{name: "passes", command: report(passing), last: "2 passed, 0 failed", ok: true},
		{name: "a test fails", command: report(failing) + "; exit 1", last: "1 passed, 1 failed", says: "got 1, want 2"},
		{name: "a test fails although the command does not", command: report(failing), last: "1 passed, 1 failed", says: "FAILED a breaks"},
		{name: "the command fails although no test does", command: report(passing) + "; exit 7", last: "2 passed, 1 failed", says: "exit status 7"},
		{name: "a step of the command fails", command: "false; " + report(passing), last: "0 passed, 1 failed", says: "exit status 1"},
		{name: "no report", command: "true", last: "0 passed, 1 failed", says: "wrote no report"},
		{name: "no test", command: report("<testsuites/>"), last: "0 passed, 1 failed", says: "ran no test"},
		{name: "empty report", command: report(""), last: "0 passed, 1 failed", says: "it is empty"},
		{name: "truncated report", command: report(passing[:90]), last: "1 passed, 1 failed", says: "unexpected EOF"},
		{name: "another document", command: report("<html/>"), last: "0 passed, 1 failed", says: "<html> is not JUnit"},
		{name: "skipped", command: report(skipped), last: "1 passed, 0 failed, 1 skipped", says: "skipped a absent: no network", ok: true},
		{name: "skipped in CI", command: report(skipped), ci: true, last: "1 passed, 1 failed, 1 skipped", says: "skipped tests, which CI does not allow"},
		{name: "a need that is there", row: "needs: [there]", command: report(passing), ci: true, last: "2 passed, 0 failed", ok: true},
		{name: "a need that cannot be had", row: "needs: [away]", command: report(passing), last: "0 passed, 1 failed", says: "not to be had here: missing: a thing"},
		{name: "optional", row: "optional: true, needs: [away]", command: report(passing), last: "0 passed, 1 failed", says: "NOT RUN: away: not to be had here: missing: a thing"},
		{name: "optional in CI", row: "optional: true, needs: [away]", command: report(passing), ci: true, last: "0 passed, 1 failed", says: "which CI does not allow"},
		{name: "a broken setup is never optional", row: "optional: true, needs: [broken]", command: report(passing), last: "0 passed, 1 failed", says: "no space left"},
		{name: "a setup that exports nonsense", row: "needs: [garbled]", command: report(passing), last: "0 passed, 1 failed", says: `line "export A=1"`},
		{name: "opted out", row: "needs: [there]", command: report(passing), args: []string{"-without", "there"}, last: "0 passed, 1 failed", says: "1 of 1 did NOT RUN"},
		{name: "opted out in CI", row: "needs: [there]", command: report(passing), args: []string{"-without", "there"}, ci: true, last: "0 passed, 1 failed", says: "FAILED: not run (without there)"},
		{name: "too long", row: "timeout: 100ms", command: "sleep 60", last: "0 passed, 1 failed", says: "not done after 100ms"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			row := "name: x, dir: code, runs_on: air, junit: r.xml"
			if tt.row != "" {
				row += ", " + tt.row
			}
			repository(t, "suites:\n  - {"+row+", command: "+strconv.Quote(tt.command)+"}\n", setups)
			out, err := suites(t, tt.ci, append([]string{"test"}, tt.args...)...)
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, errFailed) {
				t.Errorf("got error %v, want success %v", err, tt.ok)
			}
			if got := lastOf(out); got != tt.last {
				t.Errorf("got last line %q, want %q", got, tt.last)
			}
			if !strings.Contains(out, tt.says) {
				t.Errorf("got output without %q:\n%s", tt.says, out)
			}
		})
	}
}

func TestAnEarlierReportDoesNotCount(t *testing.T) {
	root := repository(t, "suites:\n  - {name: x, dir: code, runs_on: air, junit: 'out/*.xml', command: 'true'}\n", nil)
	write(t, filepath.Join(root, "code", "out", "old.xml"), passing, 0o644)
	out, err := suites(t, false, "test")
	if !errors.Is(err, errFailed) || lastOf(out) != "0 passed, 1 failed" {
		t.Errorf("got %v, %q, want a failure", err, lastOf(out))
	}
}

func TestOneSuiteNotRunLeavesTheOthersVerdict(t *testing.T) {
	repository(t, `
suites:
  - {name: x, dir: code, runs_on: air, junit: x.xml, command: "echo '`+strings.ReplaceAll(passing, `"`, `\"`)+`' >x.xml"}
  - {name: y, dir: code, runs_on: air, junit: y.xml, command: "true", optional: true, needs: [away]}
`, map[string]string{"away": "exit 69"})
	out, err := suites(t, false, "test")
	if err != nil || lastOf(out) != "2 passed, 0 failed" {
		t.Errorf("got %v, %q, want success", err, lastOf(out))
	}
	if !strings.Contains(out, "1 of 2 did NOT RUN") {
		t.Errorf("got output that does not say that one did not run:\n%s", out)
	}
}

func TestSetupRunsOnceAndItsExportsReachTheCommands(t *testing.T) {
	command := `test "$COLOUR" = "blue = sky"; test "$ROOT/code" = "$PWD"; test "$GOWORK" = off; case $PATH in /opt/first:*) ;; *) exit 9;; esac`
	root := repository(t, `
lints:
  - {name: x, dir: code, needs: [colour], command: '`+command+`'}
  - {name: y, dir: code, needs: [colour, there 1 2], command: '`+command+`'}
`, map[string]string{
		"colour": `echo ran >>count; echo "COLOUR=blue = sky" >>"$SETUP_ENV"; echo PATH+=/opt/first >>"$SETUP_ENV"`,
		"there":  `test "$*" = "1 2"`,
	})
	out, err := suites(t, true, "lint")
	if err != nil || lastOf(out) != "2 passed, 0 failed" {
		t.Errorf("got %v:\n%s", err, out)
	}
	if count, err := os.ReadFile(filepath.Join(root, "count")); err != nil || string(count) != "ran\n" {
		t.Errorf("setup: got %q, %v, want it to run once", count, err)
	}
}

func TestACheckShowsWhatItFound(t *testing.T) {
	repository(t, "lints:\n  - {name: x, dir: code, command: 'echo a.go:3 is ugly; exit 1'}\n", nil)
	out, err := suites(t, false, "lint")
	if !errors.Is(err, errFailed) || lastOf(out) != "0 passed, 1 failed" || !strings.Contains(out, "a.go:3 is ugly") {
		t.Errorf("got %v:\n%s", err, out)
	}
}

func TestNothingASuiteStartedOutlivesIt(t *testing.T) {
	root := repository(t, "lints:\n  - {name: x, dir: code, command: 'sleep 300 & echo $! >pid'}\n", nil)
	if out, err := suites(t, false, "lint"); err != nil {
		t.Fatalf("got %v:\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(root, "code", "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	for alive(pid) {
		if t.Context().Err() != nil {
			t.Fatalf("process %d still runs", pid)
		}
	}
}

// alive: a killed process whose parent is gone stays a zombie until it is reaped.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !regexp.MustCompile(`\) Z `).Match(status)
}

func TestGoSuite(t *testing.T) {
	tool, err := exec.Command("go", "tool", "-n", "gotestsum").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := repository(t, "suites:\n  - {name: go/x, dir: code, runs_on: air, go: ./...}\n", map[string]string{
		"gotool": `mkdir -p .cache/bin; ln -sf '` + strings.TrimSpace(string(tool)) + `' ".cache/bin/$1"`,
	})
	code := filepath.Join(root, "code")
	write(t, filepath.Join(code, "go.mod"), "module example.com/x\n\ngo 1.25.0\n", 0o644)
	test := func(body string) {
		write(t, filepath.Join(code, "x_test.go"), "package x\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {\n"+body+"\n}\n", 0o644)
	}

	for _, tt := range []struct{ body, last, says string }{
		{"", "1 passed, 0 failed", "ok"},
		{`t.Error("got red, want green")`, "0 passed, 1 failed", "got red, want green"},
		{`t.Skip("no network")`, "0 passed, 1 failed, 1 skipped", "no network"},
		{`missing()`, "0 passed, 1 failed", "undefined: missing"},
		{"n := 0\ndone := make(chan bool)\ngo func() { n++; close(done) }()\nn++\n<-done", "0 passed, 1 failed", "race"},
	} {
		test(tt.body)
		out, _ := suites(t, true, "test")
		if got := lastOf(out); got != tt.last || !strings.Contains(out, tt.says) {
			t.Errorf("%s: got last line %q, want %q, and %q in:\n%s", tt.body, got, tt.last, tt.says, out)
		}
	}

	if err := os.Remove(filepath.Join(code, "x_test.go")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(code, "x.go"), "package x\n", 0o644)
	if out, err := suites(t, false, "test"); !errors.Is(err, errFailed) || !strings.Contains(out, "ran no test") {
		t.Errorf("no test: got %v:\n%s", err, out)
	}
}

func TestEveryProblemOfThePlanIsTold(t *testing.T) {
	repository(t, `
suites:
  - {name: a b, dir: nowhere, runs_on: x, go: ./..., command: "true"}
  - {name: c, dir: code, command: "true", needs: [absent]}
  - {name: c, dir: code, runs_on: x, go: ./..., junit: x.xml, timeout: -1s}
lints:
  - {dir: code, command: "true", junit: x.xml}
`, nil)
	_, err := suites(t, false, "test")
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{
		`suites[0] (a b): name has a comma or a space`,
		`suites[0] (a b): dir "nowhere": want a folder`,
		`suites[0] (a b): want either go or command`,
		`suites[1] (c): junit is missing`,
		`suites[1] (c): runs_on is missing`,
		`suites[1] (c): needs "absent": want an executable tools/setup/absent`,
		`suites[2] (c): the name is used twice`,
		`suites[2] (c): junit is not for go suites`,
		`suites[2] (c): timeout -1s: want more than 0`,
		`lints[0] (): name is missing`,
		`lints[0] (): a check has neither go nor junit`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got an error without %q:\n%v", want, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	const good = "lints:\n  - {name: x, command: 'true'}\n"
	for _, tt := range []struct {
		name, plan string
		args       []string
		want       string
	}{
		{"an unknown key", "suits: []\n", []string{"test"}, "line 1: field suits not found"},
		{"no such suite", good, []string{"lint", "-only", "y"}, "-only y: want one of x"},
		{"a pattern that is none", good, []string{"lint", "-only", "["}, "-only [: syntax error in pattern"},
		{"no verb", good, nil, "usage:"},
		{"an unknown verb", good, []string{"tset"}, "usage:"},
		{"an unknown flag", good, []string{"test", "-fast"}, "usage:"},
		{"with, without a command", good, []string{"with", "engine"}, "usage:"},
		{"with an unknown need", good, []string{"with", "nothing", "--", "true"}, `need "nothing": want an executable tools/setup/nothing`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			repository(t, tt.plan, nil)
			if _, err := suites(t, false, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestWithRunsACommandInItsNeedsEnvironment(t *testing.T) {
	root := repository(t, "suites: []\n", map[string]string{
		"tool": `mkdir -p bin; printf '#!/bin/sh\necho "$COLOUR" "$@"\n' >bin/painter; chmod +x bin/painter
echo "PATH+=$PWD/bin" >>"$SETUP_ENV"; echo "COLOUR=$1" >>"$SETUP_ENV"`,
	})
	out, err := suites(t, false, "with", "tool=blue", "--", "painter", "wall")
	if err != nil || !strings.HasSuffix(out, "blue wall\n") {
		t.Errorf("got %q, %v in %s", out, err, root)
	}
}

func lastOf(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}
