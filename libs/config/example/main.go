// Shop listens where it is told to.
package main

import (
	"fmt"
	"os"

	"github.com/gchamon/devops-challenge/libs/config"
)

type settings struct {
	Listen string `key:"listen" help:"address to listen on" validate:"hostport"`
	Token  string `key:"token" help:"what callers must show" secret:"true" validate:"required"`
}

func main() {
	s, err := config.Load(settings{Listen: ":8080"},
		config.Args(os.Args[1:], nil), config.Env("SHOP_", os.Environ()), config.File("shop.yaml"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Println("listening on", s.Listen)
}
