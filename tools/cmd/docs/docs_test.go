package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// repository commits the files to a new repository and returns its folder.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files[".gitignore"] = ".cache\n"
	for name, body := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "--all"},
		{"-c", "user.name=A", "-c", "user.email=a@scratch.example", "commit", "--quiet", "--message", "change"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func fence(info, script string) string { return "```" + info + "\n" + script + "\n```\n" }

func TestLinks(t *testing.T) {
	files := func() map[string]string {
		return map[string]string{
			"README.md":    "# Top\n\n## Two words, and `code`\n\n[a](docs/a.md) [b](docs/a.md#second-part) [c](#two-words-and-code) [d](https://elsewhere.example/x) ![e](docs/e.svg) [f](docs/)\n",
			"docs/a.md":    "# A\n\n## Second part\n\n[up](../README.md#top)\n",
			"docs/e.svg":   "<svg/>",
			"docs/main.go": "package docs\n",
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"links", "-root", repository(t, files())}, &out); err != nil {
		t.Errorf("links: %v", err)
	}
	if want := "6 relative links in 2 documents: 0 lead nowhere\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	for name, test := range map[string]struct{ text, want string }{
		"missing file":    {"[x](docs/b.md)", "docs/a.md:3: docs/b.md: docs/docs/b.md does not exist"},
		"missing heading": {"[x](../README.md#three)", "../README.md#three: README.md has no heading #three"},
		"own heading":     {"[x](#three)", "docs/a.md has no heading #three"},
		"missing image":   {"![x](x.png)", "docs/x.png does not exist"},
		"outside":         {"[x](../../secret.md)", "leads out of the repository"},
		"from the root":   {"[x](/README.md)", "leads out of the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := files()
			broken["docs/a.md"] = "# A\n\n" + test.text + "\n\n## Second part\n"
			err := run(t.Context(), []string{"links", "-root", repository(t, broken)}, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestCommandsRunInAClone(t *testing.T) {
	dir := repository(t, map[string]string{
		"README.md": fence("sh", "test -f marker\npwd >.cache/where") +
			fence("json", "not a command") +
			fence(`sh needs="an account"`, "exit 1") +
			fence("sh covered-by=ci", "make test   # everything"),
		"libs/x/README.md": fence("sh", "test -f here"),
		"libs/x/here":      "",
		"marker":           "",
		"ci":               "set -e\nmake test\n",
	})
	var out bytes.Buffer
	if err := run(t.Context(), []string{"commands", "-root", dir}, &out); err != nil {
		t.Errorf("commands: %v", err)
	}
	for _, want := range []string{"person README.md", "needs an account", "2 blocks ran, 1 are covered elsewhere, 1 are for a person: 0 problems"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want it to say %q", out.String(), want)
		}
	}
	where, err := os.ReadFile(filepath.Join(dir, ".cache", "where"))
	if err != nil || strings.TrimSpace(string(where)) == dir {
		t.Errorf("the commands ran in %s, %v; want a clone", where, err)
	}
}

func TestBackgroundServesTheBlocksAfterIt(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Fatal("python3 is needed to serve a page:", err)
	}
	// A port that was free a moment ago.
	serve := `exec python3 -c '
import http.server, pathlib
s = http.server.HTTPServer(("127.0.0.1", PORT), http.server.SimpleHTTPRequestHandler)
pathlib.Path(".cache/pid").write_text(str(__import__("os").getpid()))
s.serve_forever()'`
	port := freePort(t)
	url := "http://127.0.0.1:" + port + "/README.md"
	dir := repository(t, map[string]string{
		"README.md": fence("sh background="+url, strings.ReplaceAll(serve, "PORT", port)) + fence("sh", "curl -sf "+url),
	})
	if err := run(t.Context(), []string{"commands", "-root", dir}, &bytes.Buffer{}); err != nil {
		t.Errorf("commands: %v", err)
	}
	pid, err := os.ReadFile(filepath.Join(dir, ".cache", "pid"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join("/proc", string(pid))); err == nil {
		t.Errorf("process %s still runs", pid)
	}
}

func TestCommandsThatFail(t *testing.T) {
	for name, test := range map[string]struct{ readme, want string }{
		"no language":              {fence("", "false"), "README.md:2: a block without a language, expected sh for commands"},
		"a failing command":        {fence("sh", "echo before\nfalse\necho after"), "README.md:2: exit status 1\nbefore"},
		"a failing pipe":           {fence("sh", "false | cat"), "exit status 1"},
		"a command nobody runs":    {fence("sh covered-by=ci", "make rehearse"), `ci does not run "make rehearse"`},
		"covered by nothing":       {fence("sh covered-by=nothing", "make test"), "no such file"},
		"another language's name":  {fence("bash", "true"), "marked bash, expected sh"},
		"an unknown word":          {fence("sh later=yes", "true"), "unknown later"},
		"a word without a value":   {fence("sh later", "true"), `"later", expected name=value`},
		"a server that ends early": {fence("sh background=http://127.0.0.1:1/", "echo sorry; exit 3"), "ended before http://127.0.0.1:1/ answered: exit status 3\nsorry"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t, map[string]string{"README.md": test.readme, "ci": "make test\n"})
			err := run(t.Context(), []string{"commands", "-root", dir}, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"nonsense"}, {"links", "surplus"}, {"links", "-unknown"}} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("%v: got %v, want the usage", args, err)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
