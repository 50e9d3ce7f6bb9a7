//go:build unix

package config_test

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gchamon/devops-challenge/libs/config"
)

// A file that is a pipe without a writer, a device or a socket is refused: reading it
// could wait for ever.
func TestFilesThatAreNotRegular(t *testing.T) {
	t.Parallel()
	pipe, socket := filepath.Join(t.TempDir(), "c.yaml"), filepath.Join(t.TempDir(), "s.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, path := range []string{pipe, socket, "/dev/zero"} {
		for name, source := range map[string]config.Source{
			path:                    config.File(path),
			"TODO_S3_SECRET_FILE: ": config.Env("TODO_", []string{"TODO_S3_SECRET_FILE=" + path}),
		} {
			_, err := config.Load(defaults(), source)
			if err == nil || !strings.HasPrefix(err.Error(), "configuration: "+name) || !strings.HasSuffix(err.Error(), ": it is not a regular file") {
				t.Errorf("%s: got %v, want it refused", path, err)
			}
		}
	}
}
