package freeport

import (
	"net"
	"strconv"
	"testing"
)

// Addresses differ, can be used, and are outside the range of port 0.
func TestAddress(t *testing.T) {
	seen := make(map[string]bool)
	for range 20 {
		address := Address(t)
		if seen[address] {
			t.Fatalf("got %s again, want a new address", address)
		}
		seen[address] = true
		_, port, _ := net.SplitHostPort(address)
		if n, err := strconv.Atoi(port); err != nil || n < first || n >= first+count {
			t.Errorf("got the port %s, want one from %d to %d", port, first, first+count-1)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		// A used port is skipped.
		taken.Add(^uint32(0))
		other := Address(t)
		if other == address {
			t.Errorf("got the used %s, want another address", address)
		}
		seen[other] = true
		l.Close()
	}
}
