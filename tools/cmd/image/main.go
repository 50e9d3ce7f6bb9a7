// Command image builds the API's container image and pushes it, without a
// container engine.
//
//	image build -out DIR [-page] [-platform linux/arm64]
//	image push  -from DIR -repository HOST/NAME
//
// build compiles the static binary, lays it into an image from scratch and
// writes an OCI layout, a CycloneDX bill of materials and a description of
// both into DIR. Nothing in the image depends on where or when it was built:
// one commit and one version of Go give one digest.
//
// push sends the image to a registry under the tag that is its revision, does
// nothing when it is there, and refuses to move a tag. Both print one JSON
// object on standard output.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

const usage = "expected 'image build -out DIR' or 'image push -from DIR -repository HOST/NAME'"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet("image "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	var result any
	var err error
	switch args[0] {
	case "build":
		var b build
		flags.StringVar(&b.dir, "out", "", "`folder` to write into; made when missing")
		flags.StringVar(&b.platform, "platform", "linux/amd64", "linux/amd64 or linux/arm64")
		flags.BoolVar(&b.page, "page", false, "embed the page, so that the image is the whole product")
		if err = parse(flags, args[1:], "out"); err != nil {
			return err
		}
		result, err = b.run(ctx, stderr)
	case "push":
		var p push
		flags.StringVar(&p.dir, "from", "", "`folder` that build wrote")
		flags.StringVar(&p.repository, "repository", "", "`HOST/NAME` of the repository")
		flags.BoolVar(&p.dryRun, "dry-run", false, "only say what would be pushed")
		if err = parse(flags, args[1:], "from", "repository"); err != nil {
			return err
		}
		result, err = p.run(ctx)
	default:
		return fmt.Errorf("unknown command %q: %s", args[0], usage)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	out := json.NewEncoder(stdout)
	out.SetIndent("", "  ")
	return out.Encode(result)
}

func parse(flags *flag.FlagSet, args []string, required ...string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for _, name := range required {
		if flags.Lookup(name).Value.String() == "" {
			return fmt.Errorf("%s needs -%s", flags.Name(), name)
		}
	}
	return nil
}
