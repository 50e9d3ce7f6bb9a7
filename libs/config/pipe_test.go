//go:build unix

package config_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gchamon/devops-challenge/libs/config"
)

// A configuration file that is a pipe without a writer is refused: reading it
// would wait for ever.
func TestConfigurationFileThatIsAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(defaults(), config.File(path))
	want := "configuration: " + path + `: cannot read the configuration file "` + path + `": expected a regular file`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
