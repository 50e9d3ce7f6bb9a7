package tools_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// repository creates a directory with suites.sh, a directory "code" and scripts of
// tools/setup by name, and returns its path.
func repository(t *testing.T, plan string, setups map[string]string) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "suites.sh"), plan, 0o644)
	write(t, filepath.Join(root, "code", "README"), "", 0o644)
	for name, script := range setups {
		write(t, filepath.Join(root, "tools", "setup", name), "#!/usr/bin/env bash\n"+script, 0o755)
	}
	return root
}

// toolsRun runs tools/run on the repository at root; env holds NAME=value.
func toolsRun(t *testing.T, root string, env []string, args ...string) (out string, status int) {
	t.Helper()
	own := []string{"SUITES=" + filepath.Join(root, "suites.sh"), "CI=", "ONLY=", "WITHOUT=", "V=", "RETRY=", "JOBS=", "SETUP="}
	return script(t, ".", append(own, env...), "./run", args...)
}

const (
	passing = `<testsuites><testsuite><testcase classname="a" name="one"/><testcase classname="a" name="two"/></testsuite></testsuites>`
	failing = `<testsuite><testsuite><testcase classname="a" name="breaks"><failure message="got 1, want 2">where</failure></testcase></testsuite><testcase name="one"/></testsuite>`
	skipped = `<testsuites><testsuite><testcase classname="a" name="absent"><skipped message="no network"/></testcase><testcase name="one"/></testsuite></testsuites>`
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	setups := map[string]string{
		"there":   "",
		"away":    "echo trying; echo 'missing: a thing' >&2; exit 69",
		"broken":  "echo 'no space left'; exit 3",
		"garbled": `echo "export A=1" >>"$SETUP_ENV"`,
	}
	report := func(xml string) string { return "printf '%s' '" + xml + "' >$JUNIT" }
	ci, retry := []string{"CI=true"}, []string{"RETRY=1"}
	flaky := "if [ -e before ]; then " + report(passing) + "; else touch before; " + report(failing) + "; exit 1; fi"
	tests := []struct {
		name, row, command string
		env                []string
		last, says         string // the last line, and what else the output holds
	}{
		{name: "passes", command: report(passing), last: "2 passed, 0 failed", says: "x      air"},
		{name: "passes with all output", command: "echo hello; " + report(passing), env: []string{"V=1"}, last: "2 passed, 0 failed", says: "hello"},
		{name: "a test fails", command: report(failing) + "; exit 1", last: "1 passed, 1 failed", says: "got 1, want 2"},
		{name: "a test fails although the command does not", command: report(failing), last: "1 passed, 1 failed", says: "FAILED a breaks"},
		{name: "the command fails although no test does", command: report(passing) + "; exit 7", last: "2 passed, 1 failed", says: "FAILED: exit status 7"},
		{name: "a step of the command fails", command: "false; " + report(passing), last: "0 passed, 1 failed", says: "exit status 1"},
		{name: "a step of a pipe fails", command: report(passing) + "; false | true", last: "2 passed, 1 failed", says: "exit status 1"},
		{name: "no report", command: "echo busy", last: "0 passed, 1 failed", says: "    | busy\n"},
		{name: "no report is told", command: "true", last: "0 passed, 1 failed", says: "FAILED: wrote no report"},
		{name: "no test", command: report("<testsuites/>"), last: "0 passed, 1 failed", says: "ran no test"},
		{name: "empty report", command: report(""), last: "0 passed, 1 failed", says: "it is empty"},
		{name: "truncated report", command: report(passing[:90]), last: "0 passed, 1 failed", says: "unexpected EOF"},
		{name: "another document", command: report("<html/>"), last: "0 passed, 1 failed", says: "<html> is not JUnit"},
		{name: "reports elsewhere", row: "junit='out/*.xml'", command: `echo '` + passing + `' | tee out/1.xml >out/2.xml`, last: "4 passed, 0 failed"},
		{name: "skipped", command: report(skipped), last: "1 passed, 0 failed, 1 skipped", says: "skipped a absent: no network"},
		{name: "skipped in CI", command: report(skipped), env: ci, last: "1 passed, 1 failed, 1 skipped", says: "skipped tests, which CI does not allow"},
		{name: "a need that is there", row: "needs=there", command: report(passing), env: ci, last: "2 passed, 0 failed"},
		{name: "a need that cannot be had", row: "needs=away", command: report(passing), last: "0 passed, 1 failed", says: "FAILED: away: not available here: missing: a thing"},
		{name: "a broken setup", row: "needs=broken", command: report(passing), last: "0 passed, 1 failed", says: "    | no space left"},
		{name: "a setup that exports nonsense", row: "needs=garbled", command: report(passing), last: "0 passed, 1 failed", says: `line "export A=1"`},
		{name: "left out", row: "needs=there", command: report(passing), env: []string{"WITHOUT=other,there"}, last: "0 passed, 1 failed", says: "1 of 1 did NOT RUN"},
		{name: "left out in CI", row: "needs=there", command: report(passing), env: append(ci, "WITHOUT=there"), last: "0 passed, 1 failed", says: "FAILED: not run, which CI does not allow"},
		{name: "fails once", command: flaky, env: retry, last: "2 passed, 0 failed", says: "FLAKY: passed when it ran once more"},
		{name: "fails once, and is told", command: flaky, env: retry, last: "2 passed, 0 failed", says: "FAILED a breaks"},
		{name: "fails once without RETRY", command: flaky, last: "1 passed, 1 failed"},
		{name: "fails twice", command: report(failing) + "; exit 1", env: retry, last: "1 passed, 1 failed", says: "x runs once more"},
		{name: "fails in many tests", command: report("<testsuites>" + strings.Repeat(`<testcase name="x"><failure/></testcase>`, 4) + "</testsuites>"), env: retry, last: "0 passed, 4 failed", says: "FAILED\n"},
		{name: "too long", row: "timeout=1s", command: report(passing) + "; sleep 60", last: "2 passed, 1 failed", says: "not done after 1s"},
		{name: "too long, deaf to SIGTERM", row: "timeout=1s", command: "trap '' TERM; sleep 60; sleep 60", last: "0 passed, 1 failed", says: "not done after 1s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := repository(t, "suite x dir=code on=air "+tt.row+" command="+quote(tt.command)+"\n", setups)
			out, status := toolsRun(t, root, tt.env, "test")
			if ok := strings.Contains(tt.last, " 0 failed"); ok != (status == 0) || !ok && status != 1 {
				t.Errorf("got exit status %d, want success %v", status, ok)
			}
			if got := lastLine(out); got != tt.last {
				t.Errorf("got last line %q, want %q", got, tt.last)
			}
			if !strings.Contains(out, tt.says) {
				t.Errorf("got output without %q:\n%s", tt.says, out)
			}
		})
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func TestReportsOfAnEarlierRunDoNotCount(t *testing.T) {
	t.Parallel()
	root := repository(t, "suite x dir=code on=air junit='out/*.xml' command=true\nsuite y on=air command=true\n", nil)
	write(t, filepath.Join(root, "code", "out", "old.xml"), passing, 0o644)
	write(t, filepath.Join(root, ".cache", "junit", "y.xml"), passing, 0o644)
	if out, status := toolsRun(t, root, nil, "test"); status != 1 || lastLine(out) != "0 passed, 2 failed" {
		t.Errorf("got %d:\n%s", status, out)
	}
}

func TestSuitesAreChosenByNameAndPattern(t *testing.T) {
	t.Parallel()
	row := func(name, needs string) string {
		return "suite " + name + " on=air needs='" + needs + "' command='echo \"" + strings.ReplaceAll(passing, `"`, `\"`) + "\" >$JUNIT'\n"
	}
	root := repository(t, row("web-a", "")+row("web-b", "away")+row("libs/c", "")+"lint d command=true\n", map[string]string{"away": "exit 69"})
	for env, want := range map[string]struct {
		says   string
		status int
	}{
		"ONLY=web-a":          {"2 passed, 0 failed\n", 0},
		"ONLY=web-a,libs/c":   {"4 passed, 0 failed\n", 0},
		"ONLY=web-* libs/*":   {"4 passed, 1 failed\n", 1},
		"WITHOUT=away":        {"1 of 3 did NOT RUN\n4 passed, 0 failed\n", 0},
		"ONLY=web-a,nonsense": {"ONLY=nonsense: expected one of web-a web-b libs/c\n", 2},
		"ONLY=d":              {"ONLY=d: expected one of web-a web-b libs/c\n", 2},
	} {
		if out, status := toolsRun(t, root, []string{env}, "test"); status != want.status || !strings.HasSuffix(out, want.says) {
			t.Errorf("%s: got %d, want %d and last %q:\n%s", env, status, want.status, want.says, out)
		}
	}
}

func TestSetupRunsOnceAndItsExportsReachTheCommands(t *testing.T) {
	t.Parallel()
	command := `'test "$COLOUR" = "blue = sky"; test "$ROOT/code" = "$PWD"; test "$GOWORK" = off; case $PATH in /opt/first:*) ;; *) exit 9;; esac'`
	root := repository(t, "lint x dir=code needs=colour command="+command+"\nlint y dir=code needs='colour there=1' command="+command+"\nlint z command='test -z \"${COLOUR:-}\"'\n",
		map[string]string{
			"colour": `echo ran >>count; echo "COLOUR=blue = sky" >>"$SETUP_ENV"; echo PATH+=/opt/first >>"$SETUP_ENV"`,
			"there":  `test "$*" = 1`,
		})
	if out, status := toolsRun(t, root, []string{"CI=true"}, "lint"); status != 0 || lastLine(out) != "3 passed, 0 failed" {
		t.Errorf("got %d:\n%s", status, out)
	}
	if count := read(t, filepath.Join(root, "count")); count != "ran\n" {
		t.Errorf("setup: got %q, want it to run once", count)
	}
	out, status := toolsRun(t, root, nil, "with", "colour", "--", "bash", "-c", "echo $COLOUR; exit 7")
	if status != 7 || lastLine(out) != "blue = sky" {
		t.Errorf("with: got %d, %q", status, out)
	}
}

// Concurrent runs in one clone run their setups one after the other.
func TestSetupsDoNotRunAtTheSameTime(t *testing.T) {
	t.Parallel()
	root := repository(t, "", map[string]string{
		"alone": `mkdir busy; for i in 1 2 3 4 5 6 7 8 9; do ls / >/dev/null; done; rmdir busy`,
	})
	failed := make(chan string, 4)
	for range cap(failed) {
		go func() {
			out, status := toolsRun(t, root, nil, "with", "alone", "--", "true")
			failed <- strings.Repeat(out, min(status, 1))
		}()
	}
	for range cap(failed) {
		if out := <-failed; out != "" {
			t.Error(out)
		}
	}
}

func TestLaterNeedsAreSetUpWhileASuiteRuns(t *testing.T) {
	t.Parallel()
	root := repository(t, `suite first on=air needs=one timeout=30s command='until [ -e "$ROOT/two" ]; do sleep 0.1; done; echo "<testsuites><testcase name=\"x\"/></testsuites>" >"$JUNIT"'
suite second on=air needs=two command='[ "$TWO" = 2 ]; echo "<testsuites><testcase name=\"x\"/></testsuites>" >"$JUNIT"'
suite third on=air needs=three command=true
`, map[string]string{
		"one": "true", "two": `touch "$ROOT/two"; echo TWO=2 >>"$SETUP_ENV"`, "three": "echo no luck; exit 1",
	})
	out, status := toolsRun(t, root, nil, "test")
	if status != 1 || lastLine(out) != "2 passed, 1 failed" || strings.Count(out, "| no luck") != 1 {
		t.Errorf("got %d, want two suites that pass, and once what the third need said:\n%s", status, out)
	}
}

// rendezvous is a command that passes if the row named other runs at the same time.
func rendezvous(name, other string) string {
	return quote("touch " + name + "; until [ -e " + other + " ]; do sleep 0.1; done; printf '%s' '" + passing + "' >$JUNIT")
}

func TestJobsRunRowsAtTheSameTime(t *testing.T) {
	t.Parallel()
	root := repository(t, "suite a on=air timeout=60s command="+rendezvous("a", "c")+"\n"+
		"suite b on=air command="+quote("printf '%s' '"+failing+"' >$JUNIT")+"\n"+
		"suite c on=air timeout=60s command="+rendezvous("c", "a")+"\n", nil)
	out, status := toolsRun(t, root, []string{"JOBS=2"}, "test")
	if status != 1 || lastLine(out) != "5 passed, 1 failed" {
		t.Errorf("got %d:\n%s", status, out)
	}
	// The table keeps the order of the plan.
	if !regexp.MustCompile(`(?s)SUITE .*\na .*\nb .*\nc `).MatchString(out) {
		t.Errorf("got another order:\n%s", out)
	}
	for _, jobs := range []string{"0", "-1", "two", "1.5"} {
		if out, status := toolsRun(t, root, []string{"JOBS=" + jobs}, "test"); status != 2 || !strings.Contains(out, "JOBS="+jobs+": expected how many rows run at the same time") {
			t.Errorf("JOBS=%s: got %d:\n%s", jobs, status, out)
		}
	}
}

func TestARowThatDiesIsNoSuccess(t *testing.T) {
	t.Parallel()
	root := repository(t, "lint x command='kill -KILL $PPID'\nlint y command=true\n", nil)
	if out, status := toolsRun(t, root, nil, "lint"); status != 2 || !strings.Contains(out, "a row ended with status 137, and no verdict") {
		t.Errorf("got %d:\n%s", status, out)
	}
}

func TestInterruptionEndsAllRows(t *testing.T) {
	t.Parallel()
	// A setup interrupts the run and ignores the signal itself; its row and the next one must not start.
	root := repository(t, `lint a command='echo $$ >a; exec sleep 300'
lint b needs=deaf command='touch started'
lint c command='touch started'
`, map[string]string{"deaf": "trap '' TERM; until [ -s a ]; do sleep 0.1; done; kill -TERM $(cat runner); until grep -q interrupted out; do sleep 0.1; done"})
	run := `echo $$ >"$0/runner"; exec ./run lint >"$0/out" 2>&1`
	_, status := script(t, ".", []string{"SUITES=" + filepath.Join(root, "suites.sh"), "JOBS=2", "ONLY=", "WITHOUT=", "V=", "CI="}, "bash", "-c", run, root)
	out := read(t, filepath.Join(root, "out"))
	if status != 1 || len(regexp.MustCompile(`(?m)^[abc] .*FAILED: interrupted$`).FindAllString(out, -1)) != 3 || lastLine(out) != "0 passed, 3 failed" {
		t.Errorf("got %d, want three interrupted rows:\n%s", status, out)
	}
	if _, err := os.Stat(filepath.Join(root, "started")); err == nil {
		t.Error("a row started after the interruption")
	}
}

func TestACheckShowsWhatItFound(t *testing.T) {
	t.Parallel()
	root := repository(t, "lint x dir=code command='echo a.go:3 is ugly; exit 1'\n", nil)
	if out, status := toolsRun(t, root, nil, "lint"); status != 1 || lastLine(out) != "0 passed, 1 failed" || !strings.Contains(out, "a.go:3 is ugly") {
		t.Errorf("got %d:\n%s", status, out)
	}
}

func TestNothingASuiteStartedOutlivesIt(t *testing.T) {
	t.Parallel()
	root := repository(t, "lint x dir=code command='sleep 300 & echo $! >pid'\n", nil)
	if out, status := toolsRun(t, root, nil, "lint"); status != 0 {
		t.Fatalf("got %d:\n%s", status, out)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, filepath.Join(root, "code", "pid"))))
	check(t, err)
	for alive(pid) {
		if t.Context().Err() != nil {
			t.Fatalf("process %d still runs", pid)
		}
	}
}

// alive reports whether the process runs. A zombie, a killed process that was not
// reaped, does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !regexp.MustCompile(`\) Z `).Match(status)
}

func TestGoSuite(t *testing.T) {
	t.Parallel()
	tools, err := os.Getwd()
	check(t, err)
	root := repository(t, "suite go/x dir=code on=air go=./...\n", map[string]string{
		"gotool": `'` + tools + `/setup/gotool' "$1"; mkdir -p .cache/bin; ln -sf '` + tools + `/../.cache/bin/'"$1" .cache/bin/`,
	})
	code := filepath.Join(root, "code")
	write(t, filepath.Join(code, "go.mod"), "module example.com/x\n\ngo 1.25.0\n", 0o644)
	write(t, filepath.Join(code, "x.go"), "package x\n", 0o644)
	for _, tt := range []struct{ body, last, says string }{
		{"", "1 passed, 0 failed", "go/x"},
		{`t.Error("got red, want green")`, "0 passed, 1 failed", "got red, want green"},
		{`t.Skip("no network")`, "0 passed, 1 failed, 1 skipped", "no network"},
		{`missing()`, "0 passed, 1 failed", "undefined: missing"},
		{"n := 0\ndone := make(chan bool)\ngo func() { n++; close(done) }()\nn++\n<-done", "0 passed, 1 failed", "race"},
	} {
		write(t, filepath.Join(code, "x_test.go"), "package x\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {\n"+tt.body+"\n}\n", 0o644)
		out, _ := toolsRun(t, root, []string{"CI=true"}, "test")
		if got := lastLine(out); got != tt.last || !strings.Contains(out, tt.says) {
			t.Errorf("%s: got last line %q, want %q, and %q in:\n%s", tt.body, got, tt.last, tt.says, out)
		}
	}
	check(t, os.Remove(filepath.Join(code, "x_test.go")))
	if out, status := toolsRun(t, root, nil, "test"); status != 1 || !strings.Contains(out, "ran no test") {
		t.Errorf("no test: got %d:\n%s", status, out)
	}
}

func TestEveryProblemOfThePlanIsTold(t *testing.T) {
	t.Parallel()
	root := repository(t, `
suite 'a b' dir=nowhere on=x go=./... command=true
suite c dir=code command=true needs=absent
suite c dir=code on=x go=./... timeout=-1s colour=blue
lint '' command=true junit=x.xml
`, nil)
	out, status := toolsRun(t, root, nil, "test")
	if status != 2 {
		t.Errorf("got exit status %d, want 2", status)
	}
	for _, want := range []string{
		`suite a b: name: expected letters`,
		`suite a b: dir=nowhere: expected a directory`,
		`suite a b: expected either go or command`,
		`suite c: on is missing`,
		`suite c: needs absent: expected an executable tools/setup/absent`,
		`suite c: duplicate name`,
		`suite c: timeout=-1s: expected a time`,
		`suite c: unknown key colour`,
		`lint : name: expected letters`,
		`lint : go and junit are for suites`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got output without %q:\n%s", want, out)
		}
	}
}

// The message comes before the first suite, even if that has no needs.
func TestNothingStartsWhileSomethingIsMissing(t *testing.T) {
	t.Parallel()
	root := repository(t, "suite free on=air command='touch \"$ROOT/started\"'\nsuite bound on=air needs='engine gotool=x' command=true\n",
		map[string]string{"engine": "true", "gotool": "true", "missing": "echo missing: $*; exit 69"})
	if out, status := toolsRun(t, root, nil, "test"); status != 2 || out != "missing: go engine gotool\n" {
		t.Errorf("got %d, %q, want the message of tools/setup/missing", status, out)
	}
	if _, err := os.Stat(filepath.Join(root, "started")); err == nil {
		t.Error("a suite started although a need is missing")
	}
}

// link makes programs of this machine available in bin.
func link(t *testing.T, bin string, programs ...string) {
	t.Helper()
	for _, program := range programs {
		path, err := exec.LookPath(program)
		check(t, err)
		check(t, os.Symlink(path, filepath.Join(bin, program)))
	}
}

// TestMissingIsToldAtOnce runs tools/setup/missing with different PATHs.
func TestMissingIsToldAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		has   []string // programs beside the shell's own
		setup string
		needs []string
		want  []string // what the message holds; it passes if nil
	}{
		"nothing is missing":     {[]string{"haproxy", "chromium"}, "", []string{"haproxy", "chromium", "localstack"}, nil},
		"Debian":                 {[]string{"apt-get"}, "", []string{"engine", "haproxy", "chromium"}, []string{"sudo apt-get install -y docker.io iptables haproxy chromium"}},
		"Fedora":                 {[]string{"dnf"}, "", []string{"engine", "webkit", "compose"}, []string{"sudo dnf install -y moby-engine iptables-nft webkit2gtk-driver webkit2gtk4.1 xorg-x11-server-Xvfb xorg-x11-xauth docker-compose\n"}},
		"macOS":                  {[]string{"brew"}, "", []string{"engine", "haproxy", "chromium"}, []string{"brew install docker-desktop haproxy google-chrome\n"}},
		"Python for a need":      {nil, "", []string{"schemathesis"}, []string{"Python 3"}},
		"Java":                   {[]string{"mvn"}, "", []string{"keycloak"}, []string{"Java 17"}},
		"Go for a tool":          {nil, "", []string{"gotool"}, []string{"Go 1.26"}},
		"packages and languages": {[]string{"apt-get"}, "", []string{"haproxy", "terraform", "node"}, []string{"apt-get install -y haproxy", "Terraform 1.", "Node 2", ".tool-versions"}},
		"all languages":          {[]string{"apt-get"}, "", []string{"go", "node", "python"}, []string{"Go 1.26", "Node 2", "Python 3"}},
		"asked to install":       {[]string{"apt-get"}, "install", []string{"engine", "haproxy"}, nil},
		"cannot be installed":    {[]string{"apt-get"}, "install", []string{"haproxy", "terraform"}, []string{"Terraform 1."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root, bin := t.TempDir(), t.TempDir()
			for _, name := range []string{"missing", "command", "program"} {
				write(t, filepath.Join(root, "tools", "setup", name), read(t, filepath.Join("setup", name)), 0o755)
			}
			write(t, filepath.Join(root, ".tool-versions"), "golang 1.26.1\nterraform 1.14.0\nnodejs 22.1.0\npython 3.11.1\n", 0o644)
			link(t, bin, "bash", "env", "dirname", "awk", "uname")
			for _, tool := range test.has {
				write(t, filepath.Join(bin, tool), "#!/bin/sh\nexit 1\n", 0o755)
			}
			out, status := script(t, ".", []string{"PATH=" + bin, "SETUP=" + test.setup, "TODO_PATH_ONLY=1"}, filepath.Join(root, "tools", "setup", "missing"), test.needs...)
			if wanted := test.want != nil; wanted && status != 69 || !wanted && (status != 0 || out != "") {
				t.Errorf("got exit status %d and %q, want a message: %t", status, out, wanted)
			}
			for _, want := range test.want {
				if strings.Count(out, want) != 1 {
					t.Errorf("got\n%s\nwant %q, once", out, want)
				}
			}
		})
	}
}

func TestProgramsAndPinnedPackages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, name := range []string{"program", "pinned", "chromium", "firefox", "python"} {
		write(t, filepath.Join(root, name), read(t, filepath.Join("setup", name)), 0o755)
	}
	write(t, filepath.Join(root, "apt"), "#!/bin/sh\necho \"missing: $*\" >&2; exit 69\n", 0o755)
	write(t, filepath.Join(root, "venv"), "#!/bin/sh\necho \"/venv/$1 of $2\"\n", 0o755)
	write(t, filepath.Join(root, "bin", "google-chrome"), "#!/bin/sh\n", 0o755)
	link(t, filepath.Join(root, "bin"), "bash", "env", "dirname")
	for _, tt := range []struct {
		need, exports string
		status        int
		says          string
	}{
		{"chromium", "CHROMIUM=" + root + "/bin/google-chrome\nHEADLESS_SHELL=" + root + "/bin/google-chrome\n", 0, ""},
		{"firefox", "", 69, "missing: firefox-esr"},
		{"python", "PATH+=/venv/python of " + root + "/python-venv/requirements.txt/bin\n", 0, ""},
	} {
		env := filepath.Join(t.TempDir(), "env")
		write(t, env, "", 0o644)
		out, status := script(t, root, []string{"SETUP_ENV=" + env, "PATH=" + root + "/bin", "TODO_PATH_ONLY=1", "CHROMIUM=", "FIREFOX="}, filepath.Join(root, tt.need))
		if status != tt.status || !strings.Contains(out, tt.says) || read(t, env) != tt.exports {
			t.Errorf("%s: got %d, %q, exports %q; want %d, %q, %q", tt.need, status, out, read(t, env), tt.status, tt.says, tt.exports)
		}
	}
}

func TestMissingKnowsEveryNeed(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("setup/*")
	check(t, err)
	var needs []string
	for _, file := range scripts {
		info, err := os.Stat(file)
		check(t, err)
		switch name := filepath.Base(file); name {
		case "apt", "command", "missing", "npm", "pinned", "program", "venv": // called by the scripts of needs
		default:
			if !info.IsDir() {
				needs = append(needs, name)
			}
		}
	}
	if out, status := script(t, ".", []string{"SETUP=install"}, "./setup/missing", needs...); status == 2 || len(needs) < 20 {
		t.Errorf("%v: got %d:\n%s", needs, status, out)
	}
}

// A stub replaces tools/run.
func TestMakeCheckFailsIfTheChecksLeaveFiles(t *testing.T) {
	t.Parallel()
	r := newRepo(t, map[string]string{"Makefile": read(t, "../Makefile"), "README": ""})
	write(t, filepath.Join(string(r), "tools", "run"), "#!/bin/sh\n[ -z \"$LEAVE\" ] || touch \"$LEAVE\"\n", 0o755)
	r.commit(t)
	for _, before := range []string{"a clean tree", "a change of the user"} {
		if out, status := script(t, string(r), []string{"LEAVE="}, "make", "check"); status != 0 {
			t.Errorf("%s: got %d:\n%s", before, status, out)
		}
		write(t, filepath.Join(string(r), "README"), "changed", 0o644)
	}
	if out, status := script(t, string(r), []string{"LEAVE=behind"}, "make", "check"); status == 0 || !strings.Contains(out, "> ?? behind") {
		t.Errorf("a file left behind: got %d:\n%s", status, out)
	}
}

func TestBenchmarksNeedLinux(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	write(t, filepath.Join(bin, "uname"), "#!/bin/sh\necho Darwin\n", 0o755)
	out, status := script(t, "..", []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, "make", "bench")
	if status != 2 || !strings.Contains(out, "run them on Linux") {
		t.Errorf("got %d:\n%s", status, out)
	}
}

// The scripts of a Python environment name their interpreter by its path.
func TestAMovedCheckoutGetsANewPythonEnvironment(t *testing.T) {
	t.Parallel()
	// With a space in the path, the first line of a script names a shell instead.
	root, moved := filepath.Join(t.TempDir(), "with space"), filepath.Join(t.TempDir(), "b")
	write(t, filepath.Join(root, "tools", "setup", "venv"), read(t, filepath.Join("setup", "venv")), 0o755)
	write(t, filepath.Join(root, "requirements.txt"), "", 0o644)
	const usePip = `"$(tools/setup/venv none requirements.txt | tail -n 1)/bin/pip" --version`
	if out, status := script(t, root, nil, "bash", "-euo", "pipefail", "-c", usePip); status != 0 {
		t.Fatalf("got %d: %s", status, out)
	}
	check(t, os.Rename(root, moved))
	if out, status := script(t, moved, nil, "bash", "-euo", "pipefail", "-c", usePip); status != 0 {
		t.Errorf("moved: got %d: %s", status, out)
	}
}
