// Junit counts the tests in JUnit reports. It prints "PASSED FAILED SKIPPED",
// then each failed test with its message and each skipped test with its reason.
//
//	junit FILE...
//
// It fails if a file is empty, truncated or not a JUnit report.
package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	var sum tally
	for _, name := range os.Args[1:] {
		if err := sum.addFile(name); err != nil {
			fmt.Fprintf(os.Stderr, "report %s: %v\n", filepath.Base(name), err)
			os.Exit(1)
		}
	}
	fmt.Printf("%d %d %d\n%s", sum.passed, sum.failed, sum.skipped, &sum.text)
}

type tally struct {
	passed, failed, skipped int
	text                    strings.Builder
}

// suite is a report, or a part of one: test runners nest them differently.
type suite struct {
	XMLName xml.Name
	Suites  []suite    `xml:"testsuite"`
	Cases   []testcase `xml:"testcase"`
}

type testcase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Failure *outcome `xml:"failure"`
	Error   *outcome `xml:"error"`
	Skipped *outcome `xml:"skipped"`
}

type outcome struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (t *tally) addFile(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return errors.New("it is empty")
	}
	var root suite
	if err := xml.Unmarshal(text, &root); err != nil { //nolint:gosec // the reports are of this repository's suites
		return err
	}
	if kind := root.XMLName.Local; kind != "testsuites" && kind != "testsuite" {
		return fmt.Errorf("<%s> is not JUnit", kind)
	}
	t.add(root)
	return nil
}

func (t *tally) add(s suite) {
	for _, inner := range s.Suites {
		t.add(inner)
	}
	for _, c := range s.Cases {
		t.count(c)
	}
}

func (t *tally) count(c testcase) {
	name := strings.TrimSpace(c.Class + " " + c.Name)
	failure := c.Failure
	if failure == nil {
		failure = c.Error
	}
	switch {
	case failure != nil:
		t.failed++
		const limit = 40
		lines := strings.Split(strings.TrimSpace(failure.Message+"\n"+strings.TrimSpace(failure.Text)), "\n")
		if len(lines) > limit {
			lines = append(lines[:limit], fmt.Sprintf("... %d more lines", len(lines)-limit))
		}
		fmt.Fprintf(&t.text, "    FAILED %s\n        %s\n", name, strings.Join(lines, "\n        "))
	case c.Skipped != nil:
		t.skipped++
		fmt.Fprintf(&t.text, "    skipped %s: %s\n", name, reason(c.Skipped.Message+"\n"+c.Skipped.Text))
	default:
		t.passed++
	}
}

// reason returns the first line that is not one of go test's own.
func reason(message string) string {
	for line := range strings.Lines(message) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			return line
		}
	}
	return "no reason given"
}
