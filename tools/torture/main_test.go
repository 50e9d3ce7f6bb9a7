//go:build torture

package torture

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/gchamon/devops-challenge/libs/storage/integration/localstack"
)

// program is the API's binary.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if chosen, err = readSettings(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "torture-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "todo-api")
	if err := build(program); err != nil {
		return 0, err
	}
	var leaked error
	code, err = localstack.Run(func() int {
		before := goleak.IgnoreCurrent()
		code := m.Run()
		leaked = goleak.Find(before)
		return code
	})
	return code, errors.Join(err, leaked)
}

// build makes the program as it is released: without the race detector.
func build(to string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-o", to, "./cmd/todo-api")
	cmd.Dir = filepath.Join("..", "..", "services", "todo-api")
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w:\n%s", cmd.Args, err, out)
	}
	return nil
}

const prefix = "lists"

// storeURL is the store in bucket as it is reached at address.
func storeURL(bucket, address string) string {
	return localstack.StoreURL(bucket, prefix, address)
}
