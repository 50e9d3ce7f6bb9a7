package tools_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
)

// documents commits the files to a new repository and runs tools/lint/documents
// there. A stub replaces the link checker, which may be absent: links that contain
// "nowhere" fail.
func documents(t *testing.T, files map[string]string) (r repo, out string, status int) {
	t.Helper()
	files[".gitignore"] = ".cache\n"
	r = newRepo(t, files)
	bin := t.TempDir()
	write(t, filepath.Join(bin, "md-dead-link-check"), "#!/bin/sh\n! git grep nowhere -- '*.md'\n", 0o755)
	out, status = script(t, string(r), []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, "./lint/documents")
	return r, out, status
}

func fence(info, script string) string { return "```" + info + "\n" + script + "\n```\n" }

func TestCommandsRunInAClone(t *testing.T) {
	t.Parallel()
	r, out, status := documents(t, map[string]string{
		"README.md": fence("sh", "test -f marker\npwd >.cache/where") +
			fence("json", "not a command") +
			fence(`sh needs="an account"`, "exit 1") +
			fence("sh covered-by=ci", "make test   # everything"),
		"libs/x/README.md": "1. In a list:\n\n   ```sh\n   cat <<END | grep '^  here$'\n     here\n   END\n   test -f here\n   ```\n",
		"libs/x/here":      "",
		"marker":           "",
		"ci":               "set -e\nmake test\n",
	})
	if status != 0 {
		t.Errorf("got exit status %d", status)
	}
	for _, want := range []string{"person README.md", "needs an account", "2 blocks ran, 1 are covered elsewhere, 1 are for a person: 0 problems"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q", out, want)
		}
	}
	if where := strings.TrimSpace(read(t, filepath.Join(string(r), ".cache", "where"))); where == string(r) {
		t.Errorf("the commands ran in %s, want a clone", where)
	}
}

func TestBackgroundServesTheBlocksAfterIt(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Fatal("python3 is needed to serve a page:", err)
	}
	serve := `exec python3 -c '
import http.server, pathlib
s = http.server.HTTPServer(("127.0.0.1", PORT), http.server.SimpleHTTPRequestHandler)
pathlib.Path(".cache/pid").write_text(str(__import__("os").getpid()))
s.serve_forever()'`
	_, port, _ := strings.Cut(freeport.Address(t), ":")
	url := "http://127.0.0.1:" + port + "/README.md"
	r, out, status := documents(t, map[string]string{
		"README.md": fence("sh background="+url, strings.ReplaceAll(serve, "PORT", port)) + fence("sh", "curl -sf "+url),
	})
	if status != 0 {
		t.Errorf("got %d:\n%s", status, out)
	}
	pid := read(t, filepath.Join(string(r), ".cache", "pid"))
	if _, err := os.Stat(filepath.Join("/proc", pid)); err == nil {
		t.Errorf("process %s still runs", pid)
	}
}

func TestDocumentsThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ readme, want string }{
		"no language":               {fence("", "false"), "README.md:2: a block without a language, expected sh for commands"},
		"a failing command":         {fence("sh", "echo before\nfalse\necho after"), "README.md:2: exit status 1\nbefore\n1 blocks ran"},
		"a failing pipe":            {fence("sh", "false | cat"), "exit status 1"},
		"a command that is not run": {fence("sh covered-by=ci", "make rehearse"), `ci does not run "make rehearse"`},
		"covered by nothing":        {fence("sh covered-by=nothing", "make test"), "No such file"},
		"another language's name":   {fence("bash", "true"), "marked bash, expected sh"},
		"a dead link":               {"[x](nowhere.md)", "these links lead nowhere"},
		"a link by reference":       {"[x][y]\n\n[y]: README.md\n", "README.md:3:[y]"},
		"an unknown word":           {fence("sh later=yes", "true"), "unknown later"},
		"a word without a value":    {fence("sh later", "true"), `"later", expected name=value`},
		"a server that ends early":  {fence("sh background=http://127.0.0.1:1/", "echo sorry; exit 3"), "ended before http://127.0.0.1:1/ answered: exit status 3\nsorry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, out, status := documents(t, map[string]string{"README.md": test.readme, "ci": "make test\n"}); status != 1 || !strings.Contains(out, test.want) {
				t.Errorf("got %d:\n%s\nwant %q", status, out, test.want)
			}
		})
	}
}
