package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// attacker is the address of the hostile clients, which the limits of clients
// hold for.
const attacker = "X-Client: 198.51.100.66\r\n"

// hostile lets a client read and write a small list while others, of one address, send the most
// expensive batches and do not read large answers.
func hostile(ctx context.Context, b *bench) ([]metric, error) {
	const turn = 3 * time.Second
	reads := metric{"99th percentile of a GET of another list, to that while quiet", times, nil, atMost(1.5)}
	writes := metric{"99th percentile of a PATCH of another list, to that while quiet", times, nil, atMost(1.5)}
	refused := metric{"answers other than 2xx to that client", plain, nil, atMost(0)}
	for round := range b.rounds {
		err := func() error {
			c, err := b.apiCommand(ctx, "api-hostile", "file://"+filepath.Join(b.work, "hostile-"+strconv.Itoa(round)))
			if err != nil {
				return err
			}
			c.env = append(c.env, "TODO_CLIENT_ADDRESS_HEADER=X-Client")
			api, err := b.start(ctx, c)
			if err != nil {
				return err
			}
			defer api.stop()
			if _, err := fillWith(ctx, api, "large", largeList(), 5000); err != nil {
				return err
			}
			ids, err := fill(ctx, api, "other", listItems)
			if err != nil {
				return err
			}
			batch, err := restores(ctx, api)
			if err != nil {
				return err
			}
			head := request(http.MethodGet, api.addr, "/api/lists/other/todos", "", 0)
			reader := []client{&httpClient{addr: api.addr, next: func() []byte { return head }}}
			writer := b.edits([]*process{api}, "/api/lists/other/todos", ids)()[:1]
			measured := make([]tally, 4)
			for i, clients := range [][]client{reader, writer, reader, writer} {
				end := func() {}
				if i >= 2 {
					end = attack(ctx, api.addr, batch)
				}
				measured[i], err = drive(ctx, clients, turn, api.cpu)
				end()
				clients[0].close()
				if err != nil {
					return err
				}
			}
			reads.samples = append(reads.samples, measured[2].p99.Seconds()/measured[0].p99.Seconds())
			writes.samples = append(writes.samples, measured[3].p99.Seconds()/measured[1].p99.Seconds())
			refused.samples = append(refused.samples, float64(measured[2].failed+measured[3].failed))
			return nil
		}()
		if err != nil {
			return nil, err
		}
	}
	return []metric{reads, writes, refused}, nil
}

// restores clears the large list, and returns the body of a batch that restores
// and changes it again and again.
func restores(ctx context.Context, api *process) (string, error) {
	var history struct {
		Entries []struct {
			Revision uint64 `json:"revision"`
		} `json:"entries"`
	}
	err := api.call(ctx, http.MethodDelete, "/api/lists/large/todos", nil, nil)
	if err == nil {
		err = api.call(ctx, http.MethodGet, "/api/lists/large/history", nil, &history)
	}
	if err != nil {
		return "", err
	}
	if len(history.Entries) == 0 {
		return "", errors.New("the history does not have the clearing")
	}
	operations := make([]string, 200)
	for i := range operations {
		operations[i] = fmt.Sprintf(`{"id":"STAMP-%d","type":"restore","revision":%d}`, i, history.Entries[0].Revision)
		if i%2 == 1 {
			operations[i] = fmt.Sprintf(`{"id":"STAMP-%d","type":"completeAll","completed":%v}`, i, i%4 == 1)
		}
	}
	return `{"operations":[` + strings.Join(operations, ",") + `]}`, nil
}

// attack begins the attacks. Call end to end them.
func attack(ctx context.Context, addr, batch string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	var stamp sync.Mutex
	stamps := time.Now().UnixNano()
	dial := func() (net.Conn, bool) {
		conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
		return conn, err == nil
	}
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				stamp.Lock()
				stamps++
				body := strings.ReplaceAll(batch, "STAMP", strconv.FormatInt(stamps, 36))
				stamp.Unlock()
				conn, ok := dial()
				if !ok {
					return
				}
				leave := context.AfterFunc(ctx, func() { conn.Close() })
				// What becomes of it does not matter.
				_, _ = io.WriteString(conn, "POST /api/lists/large/batch HTTP/1.1\r\nHost: "+addr+"\r\nConnection: close\r\n"+attacker+
					"Content-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
				_, _ = io.Copy(io.Discard, conn)
				leave()
				conn.Close()
			}
		})
	}
	for range 100 {
		all.Go(func() {
			conn, ok := dial()
			if !ok {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, strings.Repeat("GET /api/lists/large/todos HTTP/1.1\r\nHost: "+addr+"\r\n"+attacker+"\r\n", 20))
			<-ctx.Done() // it never reads
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}
