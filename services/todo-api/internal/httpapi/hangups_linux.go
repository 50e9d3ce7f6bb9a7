package httpapi

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

func newHangups() hangups {
	if e, err := newEpoll(); err == nil {
		return e
	}
	return readers{}
}

// epoll watches the connections of all streams with one goroutine. The Go runtime's
// epoll wakes only goroutines that read.
type epoll struct {
	file *os.File
	raw  syscall.RawConn

	mu      sync.Mutex
	last    uint64
	streams map[uint64]chan<- struct{}
}

func newEpoll() (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	e := &epoll{file: os.NewFile(uintptr(fd), "epoll"), streams: make(map[uint64]chan<- struct{})}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		_ = e.file.Close()
		return nil, err
	}
	// The runtime waits for the descriptor, until it is closed.
	go func() { _ = e.raw.Read(e.wake) }()
	return e, nil
}

// wake wakes the streams of all connections that are closed. It returns false,
// which makes the runtime wait for more.
func (e *epoll) wake(fd uintptr) bool {
	var ready [64]unix.EpollEvent
	for n := len(ready); n == len(ready); {
		var err error
		if n, err = unix.EpollWait(int(fd), ready[:], 0); err != nil {
			return false // EINTR: the runtime does not wait without a timeout
		}
		e.mu.Lock()
		for i := range n {
			if stream, ok := e.streams[uint64(uint32(ready[i].Fd))|uint64(ready[i].Pad)<<32]; ok { //nolint:gosec // both halves of a number
				poke(stream)
			}
		}
		e.mu.Unlock()
	}
	return false
}

func (e *epoll) watch(c net.Conn, wake chan<- struct{}) (stop func()) {
	e.mu.Lock()
	e.last++
	id := e.last
	e.streams[id] = wake
	e.mu.Unlock()
	if err := e.add(c, id); err != nil {
		e.forget(id)
		return readers{}.watch(c, wake)
	}
	return func() { e.forget(id) } // closing the connection removes it from the set
}

// add adds a connection to the set. A client that closes its half of the
// connection wakes the stream once, since events are edge-triggered, and again
// when it resets the rest.
func (e *epoll) add(c net.Conn, id uint64) error {
	if own, ok := c.(*conn); ok {
		c = own.Conn
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(uint32(id)), Pad: int32(id >> 32)} //nolint:gosec // both halves of a number
	var ctlErr, connErr error
	err = e.raw.Control(func(set uintptr) {
		connErr = raw.Control(func(fd uintptr) { ctlErr = unix.EpollCtl(int(set), unix.EPOLL_CTL_ADD, int(fd), &event) })
	})
	return errors.Join(err, connErr, ctlErr)
}

func (e *epoll) forget(id uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.streams, id)
}

func (e *epoll) Close() error { return e.file.Close() }
