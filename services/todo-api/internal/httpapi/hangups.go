package httpapi

import (
	"io"
	"net"
)

// hangups wakes event streams whose clients have closed their connection, or their
// half of it. Otherwise only the next heartbeat would detect this, and until then
// the stream would count towards the limits of its client and its list.
type hangups interface {
	// watch wakes a stream when the client has closed conn, its half of it, or
	// reset it. The stream then writes, because only a write detects whether the
	// client still reads (RFC 9112, 9.6). The caller must call stop and then close
	// conn.
	watch(conn net.Conn, wake chan<- struct{}) (stop func())
	Close() error
}

// readers implements hangups with one goroutine per stream.
type readers struct{}

func (readers) watch(conn net.Conn, wake chan<- struct{}) (stop func()) {
	go func() {
		// Any error counts. Data from the client is discarded.
		_, _ = io.Copy(io.Discard, conn)
		poke(wake)
	}()
	return func() {}
}

func (readers) Close() error { return nil }

// poke sends to c if it has room.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
