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
		address, err := Address(t.Context())
		if err != nil || seen[address] {
			t.Fatalf("got %s, %v, want a new address", address, err)
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
		if other, err := Address(t.Context()); err != nil || other == address {
			t.Errorf("got %s, %v, want another than the used %s", other, err, address)
		} else {
			seen[other] = true
		}
		l.Close()
	}
}
