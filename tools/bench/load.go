package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// A client sends one request after another on its own connection.
type client interface {
	// send sends its next request and reports whether the response was a
	// success. After an error nothing more can be measured.
	send(ctx context.Context) (ok bool, err error)
	close()
}

// tally counts the requests of one contestant in one round.
type tally struct {
	requests int // answered within the time, good or not
	failed   int // of them not good
	elapsed  time.Duration
	cpu      time.Duration // of the server
	p99      time.Duration // of all answers
	mean     time.Duration
	amount   float64 // of something else that the row counts
}

func (t tally) rate() float64 { return float64(t.requests-t.failed) / t.elapsed.Seconds() }

// micros is the CPU time of the server that one request took.
func (t tally) micros() float64 {
	return float64(t.cpu.Microseconds()) / float64(max(t.requests, 1))
}

var errNoAnswer = errors.New("no answer")

// drive lets the clients send for as long as said, in a closed loop: each
// waits for its answer before it sends again. Answers that come later do not
// count.
func drive(ctx context.Context, clients []client, length time.Duration, cpu func() (time.Duration, error)) (tally, error) {
	before, err := cpu()
	if err != nil {
		return tally{}, err
	}
	end := time.Now().Add(length)
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	failed := make([]int, len(clients))
	latencies := make([][]time.Duration, len(clients))
	errs := make([]error, len(clients))

	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() {
			for {
				sent := time.Now()
				if sent.After(end) {
					return
				}
				ok, err := c.send(ctx)
				if err != nil {
					if time.Now().Before(end) {
						errs[i] = err
					}
					return
				}
				answered := time.Now()
				if answered.After(end) {
					return
				}
				if !ok {
					failed[i]++
				}
				latencies[i] = append(latencies[i], answered.Sub(sent))
			}
		})
	}
	var after time.Duration
	var cpuErr error
	all.Go(func() {
		time.Sleep(time.Until(end))
		after, cpuErr = cpu()
	})
	all.Wait()
	if err := errors.Join(cpuErr, errors.Join(errs...)); err != nil {
		return tally{}, err
	}

	t := tally{elapsed: length, cpu: after - before}
	var joined []time.Duration
	var sum time.Duration
	for i := range clients {
		t.failed += failed[i]
		joined = append(joined, latencies[i]...)
	}
	for _, l := range joined {
		sum += l
	}
	t.requests = len(joined)
	if t.requests == 0 {
		return t, fmt.Errorf("%w within %v", errNoAnswer, length)
	}
	t.mean = sum / time.Duration(t.requests)
	t.p99 = quantile(joined, 0.99)
	return t, nil
}

// httpClient is a client that writes prepared requests and parses as little of
// each response as possible: it shares the cores with the server.
type httpClient struct {
	addr string
	// next returns the bytes of the next request, which may be overwritten by
	// the one after.
	next func() []byte
	// good says which answers count; when nil those with a status of 2xx do.
	good func(status int) bool

	conn   net.Conn
	reader *bufio.Reader
	answer fasthttp.Response
}

const answerTimeout = 30 * time.Second

func (c *httpClient) send(ctx context.Context) (bool, error) {
	if c.conn == nil {
		dialer := net.Dialer{Timeout: 5 * time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", c.addr)
		if err != nil {
			return false, err
		}
		c.conn = conn
		if c.reader == nil {
			c.reader = bufio.NewReaderSize(conn, 16<<10)
		} else {
			c.reader.Reset(conn)
		}
		// One deadline a connection: no slot is as long.
		if err := conn.SetDeadline(time.Now().Add(time.Minute + answerTimeout)); err != nil {
			return false, err
		}
	}
	if _, err := c.conn.Write(c.next()); err != nil {
		c.close()
		return false, nil //nolint:nilerr // a request that failed is counted as one
	}
	if err := c.answer.ReadLimitBody(c.reader, 8<<20); err != nil {
		c.close()
		return false, nil //nolint:nilerr // as above
	}
	if c.answer.ConnectionClose() {
		c.close()
	}
	status := c.answer.StatusCode()
	if c.good != nil {
		return c.good(status), nil
	}
	return status >= 200 && status < 300, nil
}

func (c *httpClient) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// request is the head of an HTTP/1.1 request, with the length of its body
// unless that is empty.
func request(method, addr, path, contentType string, length int) []byte {
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, addr)
	if length > 0 {
		head = fmt.Appendf(head, "Content-Type: %s\r\nContent-Length: %d\r\n", contentType, length)
	}
	return append(head, "\r\n"...)
}
