//go:build unix

package main

import "syscall"

// openFileLimit returns how many files this process may have open, sockets
// included. The Go runtime has raised the soft limit to the hard one.
func openFileLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return min(uint64(limit.Cur), 1<<30) //nolint:unconvert // signed on FreeBSD
}
