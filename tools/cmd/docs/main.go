// Command docs keeps the documents true: every relative link resolves, and
// every command in one runs.
//
//	docs links    [-root DIR]
//	docs commands [-root DIR] [-only FILE]
//
// A block of commands is fenced and marked sh; every other block says what it
// is. What follows the word sh says how it is executed:
//
//	sh                        with bash -euo pipefail, in the document's folder
//	sh background=URL         started, kept running until the end of the
//	                          document's blocks, and waited for until URL answers 200
//	sh covered-by=FILE        not here, but FILE, which must contain each of its lines
//	sh needs="AN ACCOUNT"     by a person only; listed at the end with the reason
//
// Commands run in a fresh clone of the last commit, so that they find what a
// newcomer would, and share nothing with this one but the tool cache.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(os.Stderr, "docs:", line)
		}
		code := 1
		if errors.Is(err, errUsage) {
			code = 2
		}
		os.Exit(code) //nolint:gocritic // nothing is left to stop
	}
}

var errUsage = errors.New("usage: docs links|commands [-root DIR] [-only FILE]")

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet("docs "+args[0], flag.ContinueOnError)
	flags.SetOutput(stdout)
	root := flags.String("root", ".", "root of the repository")
	only := flags.String("only", "", "the one document to execute, such as libs/storage/README.md")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
		return errors.Join(errUsage, err)
	}
	switch args[0] {
	case "links":
		return checkLinks(ctx, stdout, *root)
	case "commands":
		return runCommands(ctx, stdout, *root, *only)
	default:
		return fmt.Errorf("%w: unknown command %q", errUsage, args[0])
	}
}
