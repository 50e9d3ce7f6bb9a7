package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// streams are clients that read the events of one list.
type streams struct {
	conns []net.Conn
	seen  atomic.Int64  // events that were read, by all
	bytes atomic.Int64  // of all lines, without their ends
	last  chan struct{} // has an element when as many have been read as there are clients
	done  sync.WaitGroup
}

// openStreams opens n streams and returns when each has its first event.
func openStreams(ctx context.Context, p *process, path string, n int) (*streams, error) {
	s := &streams{last: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	head := request(http.MethodGet, p.addr, path, "", 0)
	const dialers = 32
	for d := range dialers {
		all.Go(func() {
			for i := d; i < n; i += dialers {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.addr)
				if err == nil {
					// No run is as long.
					err = errors.Join(conn.SetDeadline(time.Now().Add(5*time.Minute)), write(conn, head))
				}
				mu.Lock()
				if err != nil {
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
				s.conns = append(s.conns, conn)
				s.done.Add(1)
				mu.Unlock()
				go s.read(conn, int64(n))
			}
		})
	}
	all.Wait()
	if failed != nil {
		s.close()
		return nil, failed
	}
	if err := s.await(ctx); err != nil {
		s.close()
		return nil, fmt.Errorf("the first event of %d streams: %w", n, err)
	}
	return s, nil
}

func write(conn net.Conn, message []byte) error {
	_, err := conn.Write(message)
	return err
}

// read counts events until the connection ends.
func (s *streams) read(conn net.Conn, clients int64) {
	defer s.done.Done()
	lines := bufio.NewReaderSize(conn, 4096)
	whole := true // the line so far began with what was read
	for {
		line, prefix, err := lines.ReadLine()
		if err != nil {
			return
		}
		s.bytes.Add(int64(len(line)))
		if whole && bytes.HasPrefix(line, []byte("id: ")) && s.seen.Add(1)%clients == 0 {
			s.last <- struct{}{}
		}
		whole = !prefix
	}
}

// await returns when each client has read one more event.
func (s *streams) await(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w after %d events", ctx.Err(), s.seen.Load())
	case <-s.last:
		return nil
	}
}

func (s *streams) close() {
	for _, conn := range s.conns {
		conn.Close()
	}
	s.done.Wait()
}

func events(ctx context.Context, b *bench) ([]metric, error) {
	const clients = 5000
	idle := metric{"memory a stream", kilos, nil, atMost(21)}
	reach := metric{"time until the last one has an event", millis, nil, atMost(500)}
	for round := range b.rounds {
		err := func() error {
			api, err := b.startAPI(ctx, "api-events", "file://"+filepath.Join(b.work, "events-"+strconv.Itoa(round)))
			if err != nil {
				return err
			}
			defer api.stop()
			ids, err := fill(ctx, api, "crowd", listItems)
			if err != nil {
				return err
			}
			before, err := api.memory()
			if err != nil {
				return err
			}
			s, err := openStreams(ctx, api, "/api/lists/crowd/events", clients)
			if err != nil {
				return err
			}
			defer s.close()
			time.Sleep(time.Second) // what idle streams hold, not what opening them took
			after, err := api.memory()
			if err != nil {
				return err
			}
			idle.samples = append(idle.samples, (after-before)/clients/1000)

			writer := b.edits([]*process{api}, "/api/lists/crowd/todos", ids)()[0]
			defer writer.close()
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			began := time.Now()
			if ok, err := writer.send(ctx); err != nil || !ok {
				return fmt.Errorf("the change was not answered well: %w", err)
			}
			if err := s.await(ctx); err != nil {
				return err
			}
			reach.samples = append(reach.samples, float64(time.Since(began).Microseconds())/1000)
			return nil
		}()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(b.stdout, "   %d/%d  %s KB a stream  %s ms to the last\n", round+1, b.rounds, number(idle.samples[round]), number(reach.samples[round]))
	}
	stretch := metric{"the same, the further goal", kilos, idle.samples, atMost(12)}
	return []metric{idle, stretch, reach}, nil
}
