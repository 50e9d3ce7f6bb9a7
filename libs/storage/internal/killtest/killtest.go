//go:build unix

// Package killtest tests a durable store whose process is killed, or whose writes
// the kernel refuses. It runs the test binary again as that process.
package killtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
)

// Store is a store that can be opened again.
type Store interface {
	storage.Store
	io.Closer
}

// Open opens the store at a path.
type Open func(path string) (Store, error)

// variable makes the test binary another process: "ROLE PATH".
const variable = "KILLTEST"

// Main is the TestMain of a package that uses this one.
func Main(m *testing.M, open Open) {
	role, path, ok := strings.Cut(os.Getenv(variable), " ")
	if !ok {
		os.Exit(m.Run())
	}
	if err := child(role, path, open); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Command returns a process that opens the store. Depending on the role, it closes
// the store again ("open"), writes until it is killed ("write"), writes while
// files must not exceed 64 KiB ("limited"), or is refused a write for a while
// ("refused"). It prints errors.
func Command(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	//nolint:gosec // it is this very binary
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+role+" "+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// Unprivileged is [Command] as a user whom permissions bind. It makes the test's
// directories readable for that user.
func Unprivileged(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd, home := Command(t, role, path), t.TempDir()
	program, err := os.ReadFile(os.Args[0]) //nolint:gosec // it is this very binary
	for _, dir := range []string{filepath.Dir(home), home} {
		err = errors.Join(err, os.Chmod(dir, 0o755)) //nolint:gosec // for the other user
	}
	cmd.Path = filepath.Join(home, "child")
	err = errors.Join(err, os.WriteFile(cmd.Path, program, 0o755)) //nolint:gosec // it is executed
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	return cmd
}

// limitFiles makes the kernel refuse writes beyond the first 64 KiB of a file, as on
// a full disk, until lift is called. In the process of a test, the log of opened
// files that go test keeps would be refused, too.
func limitFiles() (lift func() error, err error) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return nil, err
	}
	lift = func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) }
	return lift, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: before.Max})
}

func child(role, path string, open Open) error {
	if role == "limited" {
		if _, err := limitFiles(); err != nil {
			return err
		}
	}
	s, err := open(path)
	if err != nil {
		return err
	}
	switch role {
	case "write":
		return errors.Join(write(s)...)
	case "limited":
		return errors.Join(limited(s), s.Close())
	case "refused":
		return errors.Join(refusedOnce(s), s.Close())
	}
	return s.Close()
}

const writers = 8

func numbered(n int) string {
	return strconv.Itoa(n) + " " + strings.Repeat(strconv.Itoa(n%10), 1500)
}

// write increments numbers in several documents concurrently, forever, and prints
// each acknowledged number.
func write(s storage.Store) []error {
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

// Kill repeatedly starts a process that writes to the store at path, and kills it.
// No acknowledged write may be lost, and no document torn. After each kill, it calls
// inspect, which may be nil, before and after opening the store.
func Kill(t *testing.T, open Open, path string, cycles int, inspect func(cycle int, opened bool)) {
	t.Helper()
	//nolint:gosec // a run must repeat
	random := rand.New(rand.NewPCG(1, 2))
	acknowledged := make([]int, writers)
	total := 0
	if inspect == nil {
		inspect = func(int, bool) {}
	}
	for cycle := range cycles {
		cmd := Command(t, "write", path)
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
		inspect(cycle, false)
		s, err := open(path)
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
				acknowledged[w]++ // landed, but the process was killed before printing it
			}
		}
		inspect(cycle, true)
		if err := s.Close(); err != nil {
			t.Errorf("cycle %d: Close: got %v, want nil", cycle, err)
		}
	}
	t.Logf("%d kills, %d writes acknowledged", cycles, total)
	if total < cycles {
		t.Errorf("got %d writes acknowledged, want at least one a cycle", total)
	}
}

// limited writes bodies that fit and bodies that do not.
func limited(s storage.Store) error {
	ctx := context.Background()
	version, err := s.Create(ctx, "key", []byte("fits"))
	if err != nil {
		return err
	}
	large := make([]byte, 1<<20)
	if _, err := s.Replace(ctx, "key", large, version); !refused(err) {
		return fmt.Errorf("replace by a larger body: got %w, want %w alone, and %w", err, storage.ErrRefused, syscall.EFBIG)
	}
	if _, err := s.Create(ctx, "large", large); !refused(err) {
		return fmt.Errorf("create of a larger body: got %w, want %w alone, and %w", err, storage.ErrRefused, syscall.EFBIG)
	}
	if _, err := s.Get(ctx, "large"); !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("get of what did not fit: got %w, want %w", err, storage.ErrNotFound)
	}
	if doc, err := s.Get(ctx, "key"); err != nil || string(doc.Body) != "fits" {
		return fmt.Errorf("get: got %.20q and %w, want \"fits\" and nil", doc.Body, err)
	}
	if _, err := s.Replace(ctx, "key", []byte("also fits"), version); err != nil {
		return fmt.Errorf("replace by what fits: got %w, want nil", err)
	}
	return nil
}

// refusedOnce writes a body for which the store has room, but the kernel refuses it.
func refusedOnce(s storage.Store) error {
	ctx := context.Background()
	small, err := s.Create(ctx, "small", []byte("1"))
	if err != nil {
		return err
	}
	large, err := s.Create(ctx, "large", make([]byte, 4<<20))
	if err != nil {
		return err
	}
	if err := s.Delete(ctx, "large", large); err != nil {
		return err
	}
	if small, err = s.Replace(ctx, "small", []byte("2"), small); err != nil {
		return err
	}
	lift, err := limitFiles()
	if err != nil {
		return err
	}
	if _, err := s.Create(ctx, "large", make([]byte, 1<<20)); !refused(err) {
		return fmt.Errorf("create while the file system refuses: got %w, want %w alone, and %w", err, storage.ErrRefused, syscall.EFBIG)
	}
	if err := lift(); err != nil {
		return err
	}
	if _, err := s.Replace(ctx, "small", []byte("3"), small); err != nil {
		return fmt.Errorf("replace afterwards: %w", err)
	}
	if _, err := s.Create(ctx, "large", make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("create afterwards: %w", err)
	}
	return nil
}

// refused reports whether err means that a write was refused and changed nothing.
func refused(err error) bool {
	return errors.Is(err, storage.ErrRefused) && !errors.Is(err, storage.ErrUnavailable) && strings.Contains(err.Error(), syscall.EFBIG.Error())
}
