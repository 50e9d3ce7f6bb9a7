// Command modules keeps the many modules of this repository in step: it maps a
// change to the modules it affects, checks every module the way the module
// proxy would serve it, releases one, and renames all of them for a fork.
//
//	modules affected [-base REV] [-format lines|json|github]
//	modules check    [-module DIR] [-keep]
//	modules release  -module DIR -version vX.Y.Z [-dry-run]
//	modules verify   -tag DIR/vX.Y.Z
//	modules artifacts -tag DIR/vX.Y.Z -out DIR
//	modules rename   -prefix example.com/team/app [-repository OWNER/NAME]
//
// It exits with 0 when all is well, 1 with one line for each problem, and 2
// when it was called wrongly.
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
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil:
		return
	case errors.Is(err, errUsage) || errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2) //nolint:gocritic // nothing is left to stop
	default:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(os.Stderr, "modules:", line)
		}
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: modules affected|check|release|verify|artifacts|rename [flags]; see the package's documentation")

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet("modules "+args[0], flag.ContinueOnError)
	flags.SetOutput(stdout)
	var (
		root       = flags.String("root", ".", "root of the repository")
		base       = flags.String("base", "", "revision to compare with; empty or all zeros: every module is affected")
		format     = flags.String("format", "lines", "lines, json or github")
		module     = flags.String("module", "", "folder of the module, such as libs/storage")
		version    = flags.String("version", "", "version to release, such as v0.2.0")
		tag        = flags.String("tag", "", "tag of a module, such as libs/storage/v0.2.0")
		out        = flags.String("out", "", "folder for what is written")
		prefix     = flags.String("prefix", "", "new prefix of every module path, such as example.com/team/app")
		repository = flags.String("repository", "", "OWNER/NAME on GitHub; by default taken from a prefix that is a GitHub path")
		dryRun     = flags.Bool("dry-run", false, "check everything, make no tag")
		keep       = flags.Bool("keep", false, "keep the folder that the modules were tested in, and print it")
	)
	if err := flags.Parse(args[1:]); err != nil {
		return errors.Join(errUsage, err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	ws, err := openWorkspace(ctx, *root)
	if err != nil {
		return err
	}
	switch args[0] {
	case "affected":
		return ws.printAffected(ctx, stdout, *base, *format)
	case "check":
		return ws.check(ctx, stdout, checkOptions{only: *module, keep: *keep})
	case "release":
		return ws.release(ctx, stdout, *module, *version, *dryRun)
	case "verify":
		return ws.verify(ctx, stdout, *tag)
	case "artifacts":
		return ws.artifacts(ctx, stdout, *tag, *out)
	case "rename":
		return ws.rename(ctx, stdout, *prefix, *repository)
	default:
		return fmt.Errorf("%w: unknown command %q", errUsage, args[0])
	}
}
