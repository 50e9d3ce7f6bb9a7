package httpapi

import (
	"io"
	"net"
)

// hangups wakes event streams whose clients have closed their connections.
// Otherwise only the next heartbeat would detect it, and such a stream would
// count for its client and its list until then.
type hangups interface {
	// watch wakes a stream when the client has closed conn or reset it. The
	// stream then writes: only that tells a client that has gone from one that
	// has closed its half of the connection and still reads. When the latter
	// goes, it sends nothing, and the next write detects it. The caller must
	// call stop, and then close conn.
	watch(conn net.Conn, wake chan<- struct{}) (stop func())
	Close() error
}

// readers is a goroutine per stream. It ends a stream whose client has closed
// its half of the connection.
type readers struct{}

func (readers) watch(conn net.Conn, wake chan<- struct{}) (stop func()) {
	go func() {
		// Any error ends the reading. What a client sends is discarded.
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
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
