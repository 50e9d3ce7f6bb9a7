package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin/signintest"
)

// BenchmarkDoors measures a read without credentials, with a key, with a token,
// and with both.
func BenchmarkDoors(b *testing.B) {
	i := signintest.New(b)
	open := start(b, "TODO_STORE=mem:", "TODO_ACCESS_LOG=false")
	closed := start(b, "TODO_STORE=mem:", "TODO_ACCESS_LOG=false", "TODO_OIDC_ISSUER="+i.URL, "TODO_OIDC_AUDIENCE=todo", "TODO_RATE_LIMIT=0")
	key, token := listkey.New(), i.Token(nil)
	for _, door := range []struct {
		name   string
		p      *program
		list   string
		header []string
	}{
		{"none", open, "plain", nil},
		{"key", open, key.ID(), []string{"Todo-Key", key.ReadKey().Text()}},
		{"token", closed, "plain", bearer(token)},
		{"both", closed, key.ID(), append(bearer(token), "Todo-Key", key.ReadKey().Text())},
	} {
		b.Run(door.name, func(b *testing.B) {
			request := httptest.NewRequestWithContext(b.Context(), "GET", door.p.URL+"/api/lists/"+door.list+"/todos", http.NoBody)
			for i := 0; i < len(door.header); i += 2 {
				request.Header.Set(door.header[i], door.header[i+1])
			}
			var sent bytes.Buffer
			if err := request.Write(&sent); err != nil {
				b.Fatal(err)
			}
			conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", request.Host)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			// No client of net/http, whose own work for a header would count.
			answers := bufio.NewReader(conn)
			for b.Loop() {
				if _, err := conn.Write(sent.Bytes()); err != nil {
					b.Fatal(err)
				}
				if err := readAnswer(answers); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// readAnswer reads an answer with status 200 and a Content-Length.
func readAnswer(r *bufio.Reader) error {
	length := 0
	for n := 0; ; n++ {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if n == 0 && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			return fmt.Errorf("got %q, want 200", line)
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(string(value))); err != nil {
				return err
			}
		}
		if len(line) == len("\r\n") {
			_, err := r.Discard(length)
			return err
		}
	}
}
