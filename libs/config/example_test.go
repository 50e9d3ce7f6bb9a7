package config_test

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gchamon/devops-challenge/libs/config"
)

type server struct {
	Listen  string          `key:"listen" help:"address to listen on" placeholder:"host:port" validate:"hostport"`
	Timeout time.Duration   `key:"timeout" help:"longest time for a request" validate:"gt=0"`
	Body    config.ByteSize `key:"max_body" help:"largest request body"`
	Token   string          `key:"token" help:"what callers must show" secret:"true"`
}

func ExampleLoad() {
	defaults := server{Listen: ":8080", Timeout: 10 * time.Second, Body: 1 << 20}
	s, err := config.Load(defaults,
		config.Args([]string{"--max-body=64KiB"}, nil),
		config.Env("SHOP_", []string{"SHOP_TIMEOUT=1m"}),
		config.File(""))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Listen, s.Timeout, s.Body)
	// Output: :8080 1m0s 64KiB
}

func ExampleError() {
	_, err := config.Load(server{Listen: ":8080"},
		config.Args([]string{"--lisen=:9000"}, nil),
		config.Env("SHOP_", []string{"SHOP_TIMEOUT=10"}))
	var problems *config.Error
	if errors.As(err, &problems) {
		for _, p := range problems.Problems {
			fmt.Println(p)
		}
	}
	// Output:
	// --lisen: unknown flag, the nearest known is --listen
	// SHOP_TIMEOUT: timeout: expected a duration with a unit, such as 1m30s, got "10"
}

// A variable of an earlier version sets what has another name and form now.
func ExampleAlias() {
	type settings struct {
		Store string `key:"store"`
	}
	bucket := func(name string) string { return "s3://" + name }
	s, err := config.Load(settings{},
		config.Env("SHOP_", []string{"STORAGE_BUCKET=lists"}, config.Alias("STORAGE_BUCKET", "store", bucket)))
	fmt.Println(s.Store, err)
	// Output: s3://lists <nil>
}

func ExampleHelp() {
	err := config.Help(os.Stdout, server{Listen: ":8080"}, config.Args(nil, nil), config.Env("SHOP_", nil))
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	//   --listen host:port, SHOP_LISTEN, key listen
	//       address to listen on
	//       default :8080
	//
	//   --timeout duration, SHOP_TIMEOUT, key timeout
	//       longest time for a request
	//       default 0s
	//
	//   --max-body size, SHOP_MAX_BODY, key max_body
	//       largest request body
	//       default 0B
	//
	//   SHOP_TOKEN, SHOP_TOKEN_FILE, key token
	//       what callers must show
}

func ExampleEffective() {
	err := config.Effective(os.Stdout, server{Listen: ":8080", Timeout: time.Second},
		config.Args([]string{"--listen=:9000"}, nil),
		config.Env("SHOP_", []string{"SHOP_LISTEN=:7000", "SHOP_TOKEN=hunter2"}))
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// KEY       VALUE       SOURCE      OVERRIDES
	// listen    :9000       --listen    SHOP_LISTEN
	// timeout   1s          default
	// max_body  0B          default
	// token     [redacted]  SHOP_TOKEN
}
