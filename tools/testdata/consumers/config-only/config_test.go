// Package consumer is an external program that imports only libs/config.
package consumer

import (
	"errors"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/config"
)

type settings struct {
	Listen  string        `key:"listen" help:"address to listen on" validate:"hostport"`
	Timeout time.Duration `key:"timeout" help:"time for one request" validate:"gt=0"`
}

func TestLoad(t *testing.T) {
	defaults := settings{Listen: ":8080", Timeout: time.Second}
	got, err := config.Load(defaults, config.Args([]string{"--timeout=2s"}, nil), config.Env("SHOP_", []string{"SHOP_LISTEN=127.0.0.1:9000"}))
	if want := (settings{Listen: "127.0.0.1:9000", Timeout: 2 * time.Second}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	_, err := config.Load(settings{}, config.Env("SHOP_", []string{"SHOP_LISTEN=nowhere", "SHOP_TIMEOUT=soon", "SHOP_COLOUR=red"}))
	var problems *config.Error
	if !errors.As(err, &problems) || len(problems.Problems) != 3 {
		t.Errorf("got %v, want three problems", err)
	}
}
