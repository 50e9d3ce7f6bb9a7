//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// A client sends one request after another on its own connection.
type client interface {
	// send sends its next request and reports whether the response was a
	// success. An error ends the measurement.
	send(ctx context.Context) (ok bool, err error)
	close()
}

func closeAll(clients []client) {
	for _, c := range clients {
		c.close()
	}
}

// tally counts the requests of one contestant in one round.
type tally struct {
	requests int // with an answer in time
	failed   int // of these, without success
	elapsed  time.Duration
	cpu      time.Duration // used by the server
	p99      time.Duration // of all answers
	mean     time.Duration
	amount   float64 // increase of the contestant's counter
}

func (t tally) rate() float64       { return float64(t.requests-t.failed) / t.elapsed.Seconds() }
func (t tally) p99Millis() float64  { return float64(t.p99.Microseconds()) / 1000 }
func (t tally) meanMicros() float64 { return float64(t.mean.Nanoseconds()) / 1000 }
func (t tally) failures() float64   { return float64(t.failed) }

// micros is the server's CPU time per request in microseconds.
func (t tally) micros() float64 {
	return float64(t.cpu.Microseconds()) / float64(max(t.requests, 1))
}

var errNoAnswer = errors.New("no answer")

// drive runs the clients for length, in a closed loop: each waits for an answer
// before it sends the next request. Answers after length do not count.
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
	errs := make([]error, len(clients)+1)

	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() {
			for sent := time.Now(); sent.Before(end); sent = time.Now() {
				ok, err := c.send(ctx)
				answered := time.Now()
				if answered.After(end) {
					return
				}
				if err != nil {
					errs[i] = err
					return
				}
				if !ok {
					failed[i]++
				}
				latencies[i] = append(latencies[i], answered.Sub(sent))
			}
		})
	}
	t := tally{elapsed: length}
	all.Go(func() {
		<-ctx.Done()
		t.cpu, errs[len(clients)] = cpu()
		t.cpu -= before
	})
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return tally{}, err
	}
	var joined []time.Duration
	for i := range clients {
		t.failed += failed[i]
		joined = append(joined, latencies[i]...)
	}
	t.requests = len(joined)
	if t.requests == 0 {
		return t, fmt.Errorf("%w within %v", errNoAnswer, length)
	}
	for _, l := range joined {
		t.mean += l / time.Duration(t.requests)
	}
	t.p99 = quantile(joined, 0.99)
	return t, nil
}

// httpClient writes prepared requests and parses as little of each response as
// possible, because it shares the cores with the server.
type httpClient struct {
	addr   string
	next   func() []byte // a request
	stamps interface{ Add(delta int64) int64 }

	message []byte
	conn    net.Conn
	reader  *bufio.Reader
	answer  fasthttp.Response
}

const answerTimeout = 30 * time.Second

func (c *httpClient) send(ctx context.Context) (bool, error) {
	if c.conn == nil {
		dialer := net.Dialer{Timeout: 5 * time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", c.addr)
		if err != nil {
			return false, err
		}
		c.conn, c.reader = conn, bufio.NewReaderSize(conn, 16<<10)
		// One deadline for the connection is enough: a turn is shorter.
		if err := conn.SetDeadline(time.Now().Add(time.Minute + answerTimeout)); err != nil {
			return false, err
		}
	}
	c.message = append(c.message[:0], c.next()...)
	setStamp(c.message, c.stamps)
	if _, err := c.conn.Write(c.message); err != nil {
		c.close()
		return false, nil //nolint:nilerr // counted as a failed request
	}
	if err := c.answer.ReadLimitBody(c.reader, 8<<20); err != nil {
		c.close()
		return false, nil //nolint:nilerr // as above
	}
	if c.answer.ConnectionClose() {
		c.close()
	}
	status := c.answer.StatusCode()
	return status >= 200 && status < 300, nil
}

func (c *httpClient) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// stamp is the part of a list's first title that each write replaces by another
// number: some servers do not write an unchanged list.
const stamp = "000000000000"

// setStamp replaces the stamp in a message by a new number.
func setStamp(message []byte, stamps interface{ Add(delta int64) int64 }) {
	if at := bytes.Index(message, []byte(stamp)); at >= 0 {
		digits := strconv.AppendInt(make([]byte, 0, len(stamp)), stamps.Add(1), 10)
		copy(message[at+len(stamp)-len(digits):], digits)
	}
}

// request is an HTTP/1.1 request, with JSON unless body is empty.
func request(method, addr, path string, body []byte) []byte {
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, addr)
	if len(body) > 0 {
		head = fmt.Appendf(head, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(append(head, "\r\n"...), body...)
}
