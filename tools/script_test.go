package tools_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// check ends the test if err is not nil.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(file), 0o755))
	check(t, os.WriteFile(file, []byte(content), mode))
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	check(t, err)
	return string(content)
}

// script runs a program in dir and returns its output and exit status. A program that
// begins with ./ is one of this directory; env is added to the environment.
func script(t *testing.T, dir string, env []string, program string, args ...string) (out string, status int) {
	t.Helper()
	if strings.HasPrefix(program, "./") {
		var err error
		program, err = filepath.Abs(program)
		check(t, err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(said), cmd.ProcessState.ExitCode()
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// repo is the path of a Git repository.
type repo string

// newRepo creates a repository with one commit of the files.
func newRepo(t *testing.T, files map[string]string) repo {
	t.Helper()
	r := repo(t.TempDir())
	for name, body := range files {
		write(t, filepath.Join(string(r), name), body, 0o644)
	}
	r.git(t, "init", "--quiet", "--initial-branch=main")
	r.git(t, "config", "user.name", "A")
	r.git(t, "config", "user.email", "a@scratch.example")
	r.commit(t)
	return r
}

func (r repo) git(t *testing.T, args ...string) string {
	t.Helper()
	out, status := script(t, string(r), nil, "git", args...)
	if status != 0 {
		t.Fatalf("git %v: got status %d:\n%s", args, status, out)
	}
	return out
}

func (r repo) commit(t *testing.T) {
	t.Helper()
	r.git(t, "add", "--all")
	r.git(t, "commit", "--quiet", "--message", "change")
}
