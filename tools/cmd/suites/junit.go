package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// tally is what the reports of a suite say.
type tally struct {
	passed  int
	failed  []finding
	skipped []finding
}

// finding is a test that did not pass, and why.
type finding struct{ test, message string }

// readReports adds up the JUnit files that the pattern matches.
func readReports(pattern string) (tally, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return tally{}, fmt.Errorf("%s: %w", pattern, err)
	}
	if len(files) == 0 {
		return tally{}, fmt.Errorf("wrote no report (want %s)", filepath.Base(pattern))
	}
	var sum tally
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return sum, err
		}
		err = sum.add(f)
		f.Close()
		if err != nil {
			return sum, fmt.Errorf("report %s: %w", filepath.Base(file), err)
		}
	}
	return sum, nil
}

// add reads one JUnit document. Writers of this format agree on little more
// than its testcase elements, wherever they nest them.
func (t *tally) add(r io.Reader) error {
	type outcome struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Failure *outcome `xml:"failure"`
		Error   *outcome `xml:"error"`
		Skipped *outcome `xml:"skipped"`
	}
	words := func(o *outcome) string {
		return strings.TrimSpace(strings.TrimSpace(o.Message) + "\n" + strings.TrimSpace(o.Text))
	}

	dec := xml.NewDecoder(r)
	seen := false
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if !seen {
				return errors.New("it is empty")
			}
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !seen && start.Name.Local != "testsuites" && start.Name.Local != "testsuite" {
			return fmt.Errorf("<%s> is not JUnit", start.Name.Local)
		}
		seen = true
		if start.Name.Local != "testcase" {
			continue
		}
		var c testcase
		if err := dec.DecodeElement(&c, &start); err != nil {
			return err
		}
		name := strings.TrimSpace(c.Class + " " + c.Name)
		switch {
		case c.Failure != nil:
			t.failed = append(t.failed, finding{name, words(c.Failure)})
		case c.Error != nil:
			t.failed = append(t.failed, finding{name, words(c.Error)})
		case c.Skipped != nil:
			t.skipped = append(t.skipped, finding{name, words(c.Skipped)})
		default:
			t.passed++
		}
	}
}
