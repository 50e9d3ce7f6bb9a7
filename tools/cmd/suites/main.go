// Suites runs the tests and checks that suites.yaml lists, sets up what they
// need, and closes with a table of what ran, on what, and how it ended.
//
//	suites test [-only NAME,...] [-without NEED,...] [-v]
//	suites lint [-only NAME,...] [-v]
//	suites with NEED... -- COMMAND...
//
// A test that was skipped, a suite that reported no test and a need that could
// not be set up are failures, not silence; tools/README.md has the rules.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	var command *exec.ExitError
	switch {
	case errors.As(err, &command) && command.ExitCode() > 0:
		os.Exit(command.ExitCode()) // of the command of suites with, which has said why
	case errors.Is(err, errFailed):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "suites:", err)
		os.Exit(2)
	}
}

// errFailed says that the closing table has already told what failed.
var errFailed = errors.New("something failed")

var errUsage = errors.New(`usage: suites test [-only NAME,...] [-without NEED,...] [-v]
       suites lint [-only NAME,...] [-v]
       suites with NEED... -- COMMAND`)

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	r := &runner{root: root, ci: getenv("CI") == "true", out: out, terminal: isTerminal(out)}

	verb, args := args[0], args[1:]
	if verb == "with" {
		needs, command, found := cut(args, "--")
		if !found || len(command) == 0 {
			return errUsage
		}
		if err := r.missing(ctx, []suite{{Needs: needs}}); err != nil {
			return err
		}
		return r.with(ctx, needs, command)
	}

	flags := flag.NewFlagSet("suites "+verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	only := flags.String("only", "", "")
	without := flags.String("without", "", "")
	flags.BoolVar(&r.verbose, "v", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || verb != "test" && verb != "lint" {
		return errUsage
	}
	r.without = names(*without)

	all, err := readPlan(root)
	if err != nil {
		return err
	}
	suites := all.Suites
	if verb == "lint" {
		suites = all.Lints
	}
	suites, err = choose(suites, names(*only))
	if err != nil {
		return err
	}
	if err := r.missing(ctx, suites); err != nil {
		return err
	}
	if verb == "lint" {
		return r.report(r.runAll(ctx, suites), "CHECK")
	}
	return r.report(r.runAll(ctx, suites), "SUITE")
}

// choose returns the suites that the patterns name (all, for none); a pattern
// is a name or a glob over names.
func choose(suites []suite, patterns []string) ([]suite, error) {
	if len(patterns) == 0 {
		return suites, nil
	}
	var chosen []suite
	used := map[string]bool{}
	for _, s := range suites {
		for _, p := range patterns {
			if ok, err := filepath.Match(p, s.Name); err != nil {
				return nil, fmt.Errorf("-only %s: %w", p, err)
			} else if ok {
				used[p] = true
				if !slices.ContainsFunc(chosen, func(c suite) bool { return c.Name == s.Name }) {
					chosen = append(chosen, s)
				}
			}
		}
	}
	for _, p := range patterns {
		if !used[p] {
			known := make([]string, len(suites))
			for i, s := range suites {
				known[i] = s.Name
			}
			return nil, fmt.Errorf("-only %s: want one of %s", p, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// findRoot is the folder at or above the working directory that has the plan.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, planFile)); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no %s in this folder or above it", planFile)
		}
		dir = filepath.Dir(dir)
	}
}

// names splits what a person types: commas or spaces between.
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func cut(args []string, sep string) (before, after []string, found bool) {
	if i := slices.Index(args, sep); i >= 0 {
		return args[:i], args[i+1:], true
	}
	return args, nil, false
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
