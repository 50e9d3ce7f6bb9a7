package main

import (
	"fmt"
	"text/tabwriter"
)

// report prints the closing table and the line that counts, and returns
// errFailed unless everything is well.
func (r *runner) report(results []result, what string) error {
	var passed, failed, skipped, notRun int
	fmt.Fprintln(r.out)
	table := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\tRAN ON\tPASSED\tFAILED\tSKIPPED\tSECONDS\t\n", what)
	for _, res := range results {
		failures := len(res.failed)
		note := ""
		switch {
		case res.notRun != "":
			notRun++
			note = "NOT RUN: " + res.notRun
		case res.trouble != "":
			failures++
			note = "FAILED: " + res.trouble
		case failures > 0:
			note = "FAILED"
		}
		passed += res.passed
		failed += failures
		skipped += len(res.skipped)
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%.1f\t%s\n",
			res.suite.Name, orDash(res.suite.RunsOn), res.passed, failures, len(res.skipped), res.took.Seconds(), note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(r.out)
	if notRun > 0 {
		fmt.Fprintf(r.out, "%d of %d did NOT RUN\n", notRun, len(results))
	}
	if passed == 0 && failed == 0 {
		// Nothing chosen, or everything opted out: not a success of anything.
		failed = 1
	}
	fmt.Fprintf(r.out, "%d passed, %d failed", passed, failed)
	if skipped > 0 {
		fmt.Fprintf(r.out, ", %d skipped", skipped)
	}
	fmt.Fprintln(r.out)
	if failed > 0 {
		return errFailed
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
