package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const planFile = "suites.yaml"

// plan is suites.yaml.
type plan struct {
	Lints  []suite `yaml:"lints"`
	Suites []suite `yaml:"suites"`
}

// suite is one row of the closing table.
type suite struct {
	// Name is how -only and the table call it.
	Name string `yaml:"name"`
	// Dir is where it runs, relative to the root; the root itself if empty.
	Dir string `yaml:"dir"`
	// Needs are what must be set up before: each the name of a script in
	// tools/setup, with its arguments.
	Needs []string `yaml:"needs"`
	// RunsOn says what stands behind the tests: "LocalStack", "Chromium".
	RunsOn string `yaml:"runs_on"`

	// Go makes it a suite of Go tests: the packages, as go test takes them.
	// They run with GOWORK=off, the race detector, and no cached results.
	Go string `yaml:"go"`
	// Command makes it any other suite: a bash script. Its exit status
	// decides a check; a suite must also write JUnit.
	Command string `yaml:"command"`
	// JUnit is the report that Command writes, relative to Dir; a glob if
	// there are several.
	JUnit string `yaml:"junit"`

	// Optional suites may stay away where a need cannot be set up, except
	// in CI; the table says so.
	Optional bool `yaml:"optional"`
	// Timeout ends the suite; 15 minutes if not given.
	Timeout time.Duration `yaml:"timeout"`

	check bool // one of the lints
}

// readPlan reads suites.yaml in root and reports everything that is wrong with
// it at once.
func readPlan(root string) (plan, error) {
	data, err := os.ReadFile(filepath.Join(root, planFile))
	if err != nil {
		return plan{}, err
	}
	var p plan
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&p); err != nil {
		return plan{}, fmt.Errorf("%s: %w", planFile, err)
	}
	for i := range p.Lints {
		p.Lints[i].check = true
	}
	return p, errors.Join(check(root, "lints", p.Lints), check(root, "suites", p.Suites))
}

func check(root, section string, suites []suite) error {
	var errs []error
	seen := map[string]bool{}
	for i := range suites {
		s := &suites[i]
		complain := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s: %s[%d] (%s): %s", planFile, section, i, s.Name, fmt.Sprintf(format, args...)))
		}
		switch {
		case s.Name == "":
			complain("name is missing")
		case seen[s.Name]:
			complain("the name is used twice")
		case strings.ContainsAny(s.Name, ", \t"):
			complain("name has a comma or a space, which -only could not take")
		}
		seen[s.Name] = true
		if info, err := os.Stat(filepath.Join(root, s.Dir)); err != nil || !info.IsDir() {
			complain("dir %q: want a folder of this repository", s.Dir)
		}
		if (s.Go == "") == (s.Command == "") {
			complain("want either go or command")
		}
		switch {
		case s.check && (s.Go != "" || s.JUnit != ""):
			complain("a check has neither go nor junit, its command's exit status decides")
		case !s.check && s.Command != "" && s.JUnit == "":
			complain("junit is missing: the report that command writes")
		case s.Go != "" && s.JUnit != "":
			complain("junit is not for go suites, whose report the runner places")
		}
		if !s.check && s.RunsOn == "" {
			complain("runs_on is missing: what stands behind the tests")
		}
		for _, need := range s.Needs {
			if info, err := os.Stat(setupScript(root, need)); err != nil || info.Mode()&0o111 == 0 || info.IsDir() {
				complain("needs %q: want an executable tools/setup/%s", need, firstWord(need))
			}
		}
		if s.Timeout == 0 {
			s.Timeout = 15 * time.Minute
		} else if s.Timeout < 0 {
			complain("timeout %v: want more than 0", s.Timeout)
		}
	}
	return errors.Join(errs...)
}

func setupScript(root, need string) string {
	return filepath.Join(root, "tools", "setup", firstWord(need))
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}
