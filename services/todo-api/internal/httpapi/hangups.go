package httpapi

import (
	"io"
	"net"
)

// hangups wakes event streams whose clients have closed their connections, or
// their halves of them. Otherwise only the next heartbeat would detect it, and
// such a stream would count for its client and its list until then.
type hangups interface {
	// watch wakes a stream when the client has closed conn or its half of it,
	// and when it has reset it. The stream then writes: only that tells a client
	// that has gone from one that still reads (RFC 9112, 9.6). The caller must
	// call stop, and then close conn.
	watch(conn net.Conn, wake chan<- struct{}) (stop func())
	Close() error
}

// readers is a goroutine per stream.
type readers struct{}

func (readers) watch(conn net.Conn, wake chan<- struct{}) (stop func()) {
	go func() {
		// Any end of the reading counts. What a client sends is discarded.
		_, _ = io.Copy(io.Discard, conn)
		poke(wake)
	}()
	return func() {}
}

func (readers) Close() error { return nil }

// poke sends to c unless it is full.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
