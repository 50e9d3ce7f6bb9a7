package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMissingIsToldAtOnce runs the repository's own script on machines of which
// only the PATH differs.
func TestMissingIsToldAtOnce(t *testing.T) {
	script, err := filepath.Abs("../../setup/missing")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		has   []string // programs beside the shell's own
		setup string
		needs []string
		want  []string // lines that must be there; none: it passes
	}{
		"nothing lacks":          {[]string{"haproxy", "chromium"}, "", []string{"haproxy", "chromium", "localstack"}, nil},
		"Debian":                 {[]string{"apt-get"}, "", []string{"engine", "haproxy", "chromium"}, []string{"sudo apt-get install -y docker.io iptables haproxy chromium"}},
		"Fedora":                 {[]string{"dnf"}, "", []string{"engine", "firefox"}, []string{"sudo dnf install -y moby-engine iptables-nft firefox"}},
		"macOS":                  {[]string{"brew"}, "", []string{"haproxy", "firefox"}, []string{"brew install haproxy --cask firefox"}},
		"packages and languages": {[]string{"apt-get"}, "", []string{"haproxy", "terraform", "node"}, []string{"apt-get install -y haproxy", "Terraform 1.", "Node 2", ".tool-versions"}},
		"asked to install":       {[]string{"apt-get"}, "install", []string{"engine", "haproxy"}, nil},
		"cannot be installed":    {[]string{"apt-get"}, "install", []string{"haproxy", "terraform"}, []string{"Terraform 1."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			for _, tool := range []string{"bash", "env", "dirname", "awk", "sed", "paste", "uname"} {
				path, err := exec.LookPath(tool)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
					t.Fatal(err)
				}
			}
			for _, tool := range test.has {
				if err := os.WriteFile(filepath.Join(bin, tool), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "bash"), append([]string{script}, test.needs...)...)
			cmd.Env = []string{"PATH=" + bin, "SETUP=" + test.setup, "TODO_PATH_ONLY=1"}
			said, err := cmd.CombinedOutput()
			if test.want == nil {
				if err != nil || len(said) > 0 {
					t.Fatalf("got %v: %s", err, said)
				}
				return
			}
			if cmd.ProcessState.ExitCode() != 69 {
				t.Errorf("got %v, want exit status 69", err)
			}
			for _, want := range test.want {
				if strings.Count(string(said), want) != 1 {
					t.Errorf("got\n%s\nwant %q, once", said, want)
				}
			}
		})
	}
}

// TestNothingStartsWhileSomethingIsMissing: the message comes before the first
// suite, also before one that needs nothing.
func TestNothingStartsWhileSomethingIsMissing(t *testing.T) {
	root := repository(t, `suites:
  - {name: free, runs_on: this process, command: "touch \"$ROOT/started\"", junit: report.xml}
  - {name: bound, runs_on: an engine, needs: [engine], command: "true", junit: report.xml}
`, map[string]string{"engine": "true", "missing": "echo missing: $*; exit 69"})
	t.Chdir(root)
	err := run(t.Context(), []string{"test"}, os.Getenv, &strings.Builder{})
	if err == nil || err.Error() != "missing: engine" {
		t.Errorf("got %v, want the message of tools/setup/missing", err)
	}
	if _, err := os.Stat(filepath.Join(root, "started")); err == nil {
		t.Error("a suite started although a need is missing")
	}
}
