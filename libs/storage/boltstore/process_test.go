//go:build unix

package boltstore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
	"github.com/gchamon/devops-challenge/libs/storage/internal/killtest"
)

func openAgain(path string) (killtest.Store, error) { return boltstore.Open(path) }

func TestMain(m *testing.M) { killtest.Main(m, openAgain) }

func TestKill(t *testing.T) {
	killtest.Kill(t, openAgain, filepath.Join(t.TempDir(), "documents.db"), 30, nil)
}

func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	s := open(t, path)
	out, err := killtest.Command(t, "open", path).Output()
	if want := "file " + path + ": in use by another process"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("second process: got %q and %v, want %q", out, err, want)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: got %v, want nil", err)
	}
	if out, err := killtest.Command(t, "open", path).Output(); err != nil {
		t.Errorf("second process after Close: got %q and %v, want nil", out, err)
	}
}

// TestFileTooLarge: a commit that the kernel refuses changes nothing, and the
// store goes on without it.
func TestFileTooLarge(t *testing.T) {
	if out, err := killtest.Command(t, "limited", filepath.Join(t.TempDir(), "documents.db")).Output(); err != nil {
		t.Errorf("got %s (%v), want no error", out, err)
	}
}
