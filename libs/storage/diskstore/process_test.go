//go:build unix

package diskstore_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
	"github.com/gchamon/devops-challenge/libs/storage/internal/killtest"
)

func openAgain(dir string) (killtest.Store, error) { return diskstore.Open(dir) }

func TestMain(m *testing.M) { killtest.Main(m, openAgain) }

// TestKill: what a killed process leaves is whole, and swept.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	swept := 0
	killtest.Kill(t, openAgain, dir, 30, func(cycle int, opened bool) {
		left := temps(t, dir)
		if !opened {
			swept += len(left)
		} else if len(left) > 0 {
			t.Errorf("cycle %d: temporary files left: %q", cycle, left)
		}
	})
	t.Logf("%d temporary files swept", swept)
}

func temps(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestSecondProcess: the directory belongs to the process that has it open.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	out, err := killtest.Command(t, "open", dir).Output()
	want := fmt.Sprintf("directory %s: in use by process %d", dir, os.Getpid())
	if err == nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), storage.ErrUnavailable.Error()) {
		t.Errorf("second process: got %q and %v, want %q", out, err, want)
	}
	if _, err := diskstore.Open(dir); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("second Open in one process: got %v, want %q", err, want)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: got %v, want nil", err)
	}
	if out, err := killtest.Command(t, "open", dir).Output(); err != nil {
		t.Errorf("second process after Close: got %q and %v, want nil", out, err)
	}
}

// TestFileTooLarge: what the kernel refuses to store changes nothing.
func TestFileTooLarge(t *testing.T) {
	dir := t.TempDir()
	if out, err := killtest.Command(t, "limited", dir).Output(); err != nil {
		t.Errorf("got %s (%v), want no error", out, err)
	}
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("temporary files left: %q", left)
	}
}

// TestUnwritableFolder runs as a user whom permissions bind.
func TestUnwritableFolder(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	// A lock file from when the directory could be written.
	locked := filepath.Join(home, "locked")
	if err := os.Mkdir(locked, 0o755); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(locked, ".lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(lock, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "below", "it"), locked} {
		out, err := killtest.Unprivileged(t, "open", path).Output()
		for _, want := range []string{storage.ErrRefused.Error(), "directory " + path, "permission denied"} {
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("Open(%s): got %q and %v, want %q", path, out, err, want)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, ".lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("lock file: got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestNotAFile: a pipe in the place of a document, which no one writes to, fails the
// calls of its key, and makes none of them wait.
func TestNotAFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "directory.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"pipe", "directory"} {
		_, get := s.Get(t.Context(), key)
		_, create := s.Create(t.Context(), key, []byte("1"))
		_, replace := s.Replace(t.Context(), key, []byte("1"), "0")
		for op, err := range map[string]error{"Get": get, "Create": create, "Replace": replace, "Delete": s.Delete(t.Context(), key, "0")} {
			if !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("%s of a %s: got %v, want %v", op, key, err, storage.ErrUnavailable)
			}
		}
	}
	if _, err := s.Create(t.Context(), "file", []byte("1")); err != nil {
		t.Errorf("Create of another key: got %v, want nil", err)
	}
}
