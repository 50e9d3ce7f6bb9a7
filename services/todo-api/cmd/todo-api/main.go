// Todo-api serves todo lists over HTTP, with the page that shows them.
//
// todo-api --help lists its commands and settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	// A container without certificates of its own still reaches AWS.
	_ "golang.org/x/crypto/x509roots/fallback"
)

// gcPercent is the default of GOGC.
const gcPercent = 200

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	// A second signal ends the process as it would any other.
	context.AfterFunc(ctx, stop)
	// The process must survive the end of its log's reader.
	signal.Ignore(syscall.SIGPIPE)
	// An error leaves the limit unchanged.
	_, _ = memlimit.Set()
	if os.Getenv("GOGC") == "" {
		// A small heap is otherwise collected after every few changes of a large
		// list. Near the memory limit it is collected more often in any case.
		debug.SetGCPercent(gcPercent)
	}
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout)
	stop()
	if err == nil {
		return
	}
	// Standard error may be the log's pipe, whose reader may have stalled.
	_ = within(time.Second, "write the error", func() error {
		_, err := fmt.Fprintln(os.Stderr, "todo-api:", err)
		return err
	})
	if _, ok := errors.AsType[*usageError](err); ok {
		os.Exit(2)
	}
	os.Exit(1)
}
