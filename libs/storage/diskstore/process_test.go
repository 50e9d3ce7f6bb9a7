//go:build unix

package diskstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
)

// childVariable makes this test binary another process: "ROLE FOLDER".
const childVariable = "DISKSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if role, dir, ok := strings.Cut(os.Getenv(childVariable), " "); ok {
		if err := child(role, dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func command(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+role+" "+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func child(role, dir string) error {
	if role == "limited" {
		// The kernel refuses what makes a file longer than this, as it does
		// when the disk is full, but without a disk to fill.
		limit := syscall.Rlimit{Cur: 1000, Max: 1000}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
	}
	s, err := diskstore.Open(dir)
	if err != nil {
		return err
	}
	switch role {
	case "write":
		return errors.Join(write(s)...)
	case "limited":
		return limited(s)
	}
	return s.Close()
}

const writers = 8

func numbered(n int) string {
	return strconv.Itoa(n) + " " + strings.Repeat(strconv.Itoa(n%10), 1500)
}

// write counts up in several documents at once, for ever, and prints each
// number once it was acknowledged.
func write(s *diskstore.Store) []error {
	var all sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		all.Go(func() {
			key := "List " + strconv.Itoa(w)
			ctx := context.Background()
			for {
				doc, err := s.Get(ctx, key)
				n := 0
				if err == nil {
					_, err = fmt.Sscan(string(doc.Body), &n)
				}
				switch {
				case errors.Is(err, storage.ErrNotFound):
					_, err = s.Create(ctx, key, []byte(numbered(1)))
				case err == nil:
					_, err = s.Replace(ctx, key, []byte(numbered(n+1)), doc.Version)
				}
				if err == nil {
					_, err = fmt.Println(w, n+1) // one write to the pipe a line
				}
				if err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errs
}

// TestKill: a process that writes is killed again and again; nothing that it
// acknowledged is lost, nothing is torn, nothing is left behind.
func TestKill(t *testing.T) {
	const cycles = 30
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	acknowledged := make([]int, writers)
	total, swept := 0, 0
	for cycle := range cycles {
		cmd := command(t, "write", dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatalf("start: got %v, want nil", err)
		}
		lines := bufio.NewScanner(out)
		for n, until := 0, 1+random.IntN(100); lines.Scan(); n++ {
			var w, number int
			if _, err := fmt.Sscan(lines.Text(), &w, &number); err != nil {
				t.Fatalf("cycle %d: got %q, want a writer and a number", cycle, lines.Text())
			}
			if number != acknowledged[w]+1 {
				t.Errorf("cycle %d: writer %d: got %d after %d", cycle, w, number, acknowledged[w])
			}
			acknowledged[w] = number
			total++
			if n == until {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatalf("kill: got %v, want nil", err)
				}
			}
		}
		_ = cmd.Wait() // killed
		swept += len(temps(t, dir))
		s, err := diskstore.Open(dir)
		if err != nil {
			t.Fatalf("cycle %d: Open: got %v, want nil", cycle, err)
		}
		for w, last := range acknowledged {
			key := "List " + strconv.Itoa(w)
			doc, err := s.Get(t.Context(), key)
			if errors.Is(err, storage.ErrNotFound) && last == 0 {
				continue
			}
			if body := string(doc.Body); err != nil || body != numbered(last) && body != numbered(last+1) {
				t.Errorf("cycle %d: %s: got %.20q... (%d bytes) and %v, want number %d or the next", cycle, key, body, len(body), err, last)
			} else if body == numbered(last+1) {
				acknowledged[w]++ // landed, but was killed before it said so
			}
		}
		if left := temps(t, dir); len(left) > 0 {
			t.Errorf("cycle %d: temporary files left: %q", cycle, left)
		}
		if err := s.Close(); err != nil {
			t.Errorf("cycle %d: Close: got %v, want nil", cycle, err)
		}
	}
	t.Logf("%d kills, %d writes acknowledged, %d temporary files swept", cycles, total, swept)
	if total < cycles {
		t.Errorf("got %d writes acknowledged, want at least one a cycle", total)
	}
}

func temps(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestSecondProcess: the folder belongs to the process that has it open.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	out, err := command(t, "open", dir).Output()
	want := fmt.Sprintf("folder %s: in use by process %d", dir, os.Getpid())
	if err == nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), storage.ErrUnavailable.Error()) {
		t.Errorf("second process: got %q and %v, want %q", out, err, want)
	}
	if _, err := diskstore.Open(dir); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("second Open in one process: got %v, want %q", err, want)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: got %v, want nil", err)
	}
	if out, err := command(t, "open", dir).Output(); err != nil {
		t.Errorf("second process after Close: got %q and %v, want nil", out, err)
	}
}

// limited writes what fits and what does not.
func limited(s *diskstore.Store) error {
	ctx := context.Background()
	version, err := s.Create(ctx, "key", []byte("fits"))
	if err != nil {
		return err
	}
	large := make([]byte, 2000)
	if _, err := s.Replace(ctx, "key", large, version); !errors.Is(err, storage.ErrUnavailable) || !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("Replace by a larger body: got %w, want %w around %w", err, storage.ErrUnavailable, syscall.EFBIG)
	}
	if _, err := s.Create(ctx, "large", large); !errors.Is(err, storage.ErrUnavailable) {
		return fmt.Errorf("Create of a larger body: got %w, want %w", err, storage.ErrUnavailable)
	}
	if _, err := s.Get(ctx, "large"); !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("Get of what did not fit: got %w, want %w", err, storage.ErrNotFound)
	}
	if doc, err := s.Get(ctx, "key"); err != nil || string(doc.Body) != "fits" {
		return fmt.Errorf("Get: got %.20q and %w, want \"fits\" and nil", doc.Body, err)
	}
	if _, err := s.Replace(ctx, "key", []byte("also fits"), version); err != nil {
		return fmt.Errorf("Replace by what fits: got %w, want nil", err)
	}
	return s.Close()
}

// TestFileTooLarge: what the kernel refuses to store changes nothing.
func TestFileTooLarge(t *testing.T) {
	dir := t.TempDir()
	if out, err := command(t, "limited", dir).Output(); err != nil {
		t.Errorf("got %s (%v), want no error", out, err)
	}
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("temporary files left: %q", left)
	}
}

// TestUnwritableFolder runs as a user whom permissions bind.
func TestUnwritableFolder(t *testing.T) {
	dir := t.TempDir()
	for parent := dir; parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	// Where that user may run it.
	binary := filepath.Join(t.TempDir(), "child")
	for parent := filepath.Dir(binary); parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(binary, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "below", "it")} {
		cmd := command(t, "open", path)
		cmd.Path = binary
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.Output()
		for _, want := range []string{storage.ErrUnavailable.Error(), "folder " + path, "permission denied"} {
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("Open(%s): got %q and %v, want %q", path, out, err, want)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, ".lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("lock file: got %v, want %v", err, fs.ErrNotExist)
	}
}
