package main

import (
	"net/http"
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
			client := &http.Client{Transport: &http.Transport{}} // without the contract's checks
			defer client.CloseIdleConnections()
			door.p.Client = client
			for b.Loop() {
				door.p.Expect(200, "GET", "/api/lists/"+door.list+"/todos", "", door.header...)
			}
		})
	}
}
