// Package freeport finds unused addresses for servers that cannot be given an open
// listener.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// The ports are below those that systems assign to outgoing connections and to
// listeners on port 0.
const (
	first = 20_000
	count = 12_000
)

var (
	start = rand.Uint32N(count)
	taken atomic.Uint32
)

// Address returns an unused address on loopback, a different one each time. No
// connection gets its port while the server is starting or down.
func Address(tb testing.TB) string {
	tb.Helper()
	var failed error
	for range count {
		address := fmt.Sprintf("127.0.0.1:%d", first+(start+taken.Add(1))%count)
		l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", address)
		if err == nil {
			_ = l.Close()
			return address
		}
		failed = err
	}
	tb.Fatal("no free port:", failed)
	return ""
}
