//go:build unix

package boltstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
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

// TestUnwritable: the file system refuses the directory or the file.
func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	readable := filepath.Join(dir, "readable.db")
	if err := open(t, readable).Close(); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{readable: 0o444, dir: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{readable, filepath.Join(dir, "new.db"), filepath.Join(dir, "below", "new.db")} {
		out, err := killtest.Unprivileged(t, "open", path).Output()
		for _, want := range []string{storage.ErrRefused.Error(), "file " + path, "permission denied"} {
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("Open(%s): got %q and %v, want %q", path, out, err, want)
			}
		}
	}
}

// TestFileTooLarge: a commit that the kernel refuses changes nothing, and later
// calls succeed.
func TestFileTooLarge(t *testing.T) {
	if out, err := killtest.Command(t, "limited", filepath.Join(t.TempDir(), "documents.db")).Output(); err != nil {
		t.Errorf("got %s (%v), want no error", out, err)
	}
}

// TestRefusedWrite: the kernel refuses a page of a commit in a file that need not
// grow. The write fails for certain, and later calls succeed.
func TestRefusedWrite(t *testing.T) {
	if out, err := killtest.Command(t, "refused", filepath.Join(t.TempDir(), "documents.db")).Output(); err != nil {
		t.Errorf("got %s (%v), want no error", out, err)
	}
}
