package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repository is a small one of three modules: two libraries of which one uses
// the other, and a program that is never released.
func repository(t *testing.T) *workspace {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		".gitignore": ".cache/\n",
		versionsFile: `prefix: scratch.example/app
modules:
  libs/lamp: {version: v0.1.0}
  libs/room: {version: v0.1.0}
  cmd/house: {released: false, why: "it is a program"}
  tools/key: {released: false, why: "it pins a tool"}
`,
		"libs/lamp/go.mod":       "module scratch.example/app/libs/lamp\n\ngo 1.25.0\n",
		"libs/lamp/LICENSE":      "free\n",
		"libs/lamp/lamp.go":      "// Package lamp is a lamp.\npackage lamp\n\n// On switches it on.\nfunc On() bool { return true }\n",
		"libs/lamp/lamp_test.go": "package lamp\n\nimport \"testing\"\n\nfunc TestOn(t *testing.T) {\n\tif !On() {\n\t\tt.Error(\"dark\")\n\t}\n}\n",
		"libs/lamp/CHANGELOG.md": "# Changelog\n\n## [0.1.0]\n\n- The lamp.\n",
		"libs/room/go.mod":       "module scratch.example/app/libs/room\n\ngo 1.25.0\n",
		"libs/room/room.go":      "// Package room is a room.\npackage room\n\n// Doors counts the doors.\nconst Doors = 1\n",
		"libs/room/CHANGELOG.md": "# Changelog\n\n## [0.1.0]\n\n- The room.\n",
		"cmd/house/go.mod":       "module scratch.example/app/cmd/house\n\ngo 1.25.0\n\nrequire scratch.example/app/libs/lamp v0.0.0\n\nreplace scratch.example/app/libs/lamp => ../../libs/lamp\n",
		"tools/key/go.mod":       "module scratch.example/app/tools/key\n\ngo 1.25.0\n\ntool scratch.example/app/cmd/house\n\nrequire (\n\tscratch.example/app/cmd/house v0.0.0\n\tscratch.example/app/libs/lamp v0.0.0\n)\n\nreplace (\n\tscratch.example/app/cmd/house => ../../cmd/house\n\tscratch.example/app/libs/lamp => ../../libs/lamp\n)\n",
		"cmd/house/main.go":      "// Command house is a house.\npackage main\n\nimport \"scratch.example/app/libs/lamp\"\n\nfunc main() { println(lamp.On()) }\n",
	}
	for name, body := range files {
		write(t, filepath.Join(dir, name), body)
	}
	if err := os.MkdirAll(filepath.Join(dir, "tools", "cmd", "modules", "testdata", "consumers"), 0o755); err != nil {
		t.Fatal(err)
	}
	ws := &workspace{root: dir}
	git(t, ws, "init", "--quiet", "--initial-branch=main")
	git(t, ws, "config", "user.name", "A")
	git(t, ws, "config", "user.email", "a@scratch.example")
	commit(t, ws)
	return reopen(t, ws)
}

func write(t *testing.T, file, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, ws *workspace, name, old, replacement string) {
	t.Helper()
	file := filepath.Join(ws.root, name)
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	write(t, file, strings.ReplaceAll(string(body), old, replacement))
}

func git(t *testing.T, ws *workspace, args ...string) {
	t.Helper()
	if _, err := ws.git(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, ws *workspace) {
	t.Helper()
	git(t, ws, "add", "--all")
	git(t, ws, "commit", "--quiet", "--message", "change")
}

func reopen(t *testing.T, ws *workspace) *workspace {
	t.Helper()
	again, err := openWorkspace(t.Context(), ws.root)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// checked runs the release check with this repository's own pinned gorelease.
func checked(t *testing.T, ws *workspace, o checkOptions) (string, error) {
	t.Helper()
	tools, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	ws.tools = tools
	var out bytes.Buffer
	err = ws.check(t.Context(), &out, o)
	return out.String(), err
}

func TestCheckPassesAndLeavesNothing(t *testing.T) {
	ws := repository(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out, err := checked(t, ws, checkOptions{})
	if err != nil {
		t.Fatalf("check: %v\n%s", err, out)
	}
	if want := "8 passed, 0 failed\n"; !strings.HasSuffix(out, want) {
		t.Errorf("got %q, want it to end in %q", out, want)
	}
	if left, err := filepath.Glob(filepath.Join(temp, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Each of these must turn the check red, and say where and why.
func TestCheckRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, ws *workspace)
		want   []string
	}{
		"a dirty tree": {
			func(t *testing.T, ws *workspace) {
				write(t, filepath.Join(ws.root, "libs/lamp/new.go"), "package lamp\n")
			},
			[]string{"not clean", "libs/lamp/new.go"},
		},
		"a test that fails": {
			func(t *testing.T, ws *workspace) {
				edit(t, ws, "libs/lamp/lamp.go", "return true", "return false")
				commit(t, ws)
			},
			[]string{"libs/lamp: builds, vets and tests", "dark"},
		},
		"a file that git does not have": {
			func(t *testing.T, ws *workspace) {
				edit(t, ws, ".gitignore", ".cache/", ".cache/\nlocal.go")
				edit(t, ws, "libs/lamp/lamp.go", "return true", "return local")
				write(t, filepath.Join(ws.root, "libs/lamp/local.go"), "package lamp\n\nconst local = true\n")
				commit(t, ws)
			},
			[]string{"undefined: local"},
		},
		"a replace in a library": {
			func(t *testing.T, ws *workspace) {
				edit(t, ws, "libs/room/go.mod", "go 1.25.0\n", "go 1.25.0\n\nreplace scratch.example/app/libs/lamp => ../lamp\n")
				commit(t, ws)
			},
			[]string{"libs/room/go.mod:5: replace scratch.example/app/libs/lamp"},
		},
		"an untagged sibling": {
			func(t *testing.T, ws *workspace) {
				edit(t, ws, "libs/room/go.mod", "go 1.25.0\n", "go 1.25.0\n\nrequire scratch.example/app/libs/lamp v0.1.0\n")
				commit(t, ws)
			},
			[]string{"libs/room/go.mod:5: requires the sibling scratch.example/app/libs/lamp@v0.1.0, but the tag libs/lamp/v0.1.0 does not exist"},
		},
		"no changelog entry": {
			func(t *testing.T, ws *workspace) {
				edit(t, ws, "libs/lamp/CHANGELOG.md", "- The lamp.", "")
				commit(t, ws)
			},
			[]string{`libs/lamp/CHANGELOG.md: has no item under a heading "## [0.1.0]"`},
		},
		"a version that is not above the tag": {
			func(t *testing.T, ws *workspace) { git(t, ws, "tag", "libs/lamp/v0.1.0") },
			[]string{"libs/lamp is v0.1.0, expected a version above v0.1.0"},
		},
		"a breaking change with a patch version": {
			func(t *testing.T, ws *workspace) {
				git(t, ws, "tag", "libs/lamp/v0.1.0")
				edit(t, ws, "libs/lamp/lamp.go", "func On() bool", "func On(...int) bool")
				edit(t, ws, versionsFile, "libs/lamp: {version: v0.1.0}", "libs/lamp: {version: v0.1.1}")
				edit(t, ws, "libs/lamp/CHANGELOG.md", "0.1.0", "0.1.1")
				commit(t, ws)
			},
			[]string{"libs/lamp breaks its API since v0.1.0, expected a version above v0.1.x"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ws := repository(t)
			test.change(t, ws)
			out, err := checked(t, reopen(t, ws), checkOptions{})
			if err == nil {
				t.Fatalf("the check passed:\n%s", out)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestBreakingChangeWithAMinorVersionPasses(t *testing.T) {
	ws := repository(t)
	git(t, ws, "tag", "libs/lamp/v0.1.0")
	edit(t, ws, "libs/lamp/lamp.go", "func On() bool", "func On(...int) bool")
	edit(t, ws, versionsFile, "libs/lamp: {version: v0.1.0}", "libs/lamp: {version: v0.2.0}")
	edit(t, ws, "libs/lamp/CHANGELOG.md", "0.1.0", "0.2.0")
	commit(t, ws)
	if out, err := checked(t, reopen(t, ws), checkOptions{only: "libs/lamp"}); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

func TestReleaseRefusesBeforeItBuilds(t *testing.T) {
	ws := repository(t)
	git(t, ws, "tag", "libs/room/v0.1.0")
	for _, test := range []struct{ module, version, want string }{
		{"libs/attic", "v0.1.0", `unknown module "libs/attic", expected one of `},
		{"cmd/house", "v0.1.0", "cmd/house is never released: it is a program"},
		{"libs/lamp", "0.1.0", `version is "0.1.0", expected a full semantic version`},
		{"libs/lamp", "v0.1", `version is "v0.1", expected a full semantic version`},
		{"libs/lamp", "v0.3.0", "version is v0.3.0, but versions.yaml says that libs/lamp is released at v0.1.0 next"},
		{"libs/room", "v0.1.0", "the tag libs/room/v0.1.0 exists"},
	} {
		err := ws.release(t.Context(), &bytes.Buffer{}, test.module, test.version, false)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("release(%s, %s): got %v, want %q", test.module, test.version, err, test.want)
		}
	}
}

func TestReleaseTagsOnce(t *testing.T) {
	ws := repository(t)
	ws.tools, _ = filepath.Abs("../..")
	var out bytes.Buffer
	if err := ws.release(t.Context(), &out, "libs/lamp", "v0.1.0", true); err != nil {
		t.Fatalf("dry run: %v\n%s", err, out.String())
	}
	if got, err := ws.lastTag(t.Context(), ws.modules[0]); err != nil || got != "" {
		t.Fatalf("after a dry run the last tag is %q, %v; want none", got, err)
	}
	if err := ws.release(t.Context(), &out, "libs/lamp", "v0.1.0", false); err != nil {
		t.Fatalf("release: %v\n%s", err, out.String())
	}
	message, err := ws.git(t.Context(), "tag", "--list", "--format=%(contents)", "libs/lamp/v0.1.0")
	if err != nil || !strings.Contains(message, "The lamp.") {
		t.Errorf("the tag says %q, %v; want the changelog's text", message, err)
	}
	if err := ws.verify(t.Context(), &out, "libs/lamp/v0.1.0"); err != nil {
		t.Errorf("verify: %v\n%s", err, out.String())
	}
}

func TestAffected(t *testing.T) {
	ws := repository(t)
	all := []string{"libs/lamp", "libs/room", "cmd/house", "tools/key"}
	for _, test := range []struct {
		name    string
		changed []string
		want    []string
	}{
		{"a library and who uses it", []string{"libs/lamp/lamp.go"}, []string{"libs/lamp", "cmd/house", "tools/key"}},
		{"a library that nobody uses", []string{"libs/room/room.go"}, []string{"libs/room"}},
		{"a document", []string{"README.md", "docs/x.md"}, []string{}},
		{"what every module depends on", []string{".golangci.yml"}, all},
		{"a folder with the same beginning", []string{"libs/lampshade/x.go"}, []string{}},
	} {
		got := ws.affectedBy(test.changed, false)
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	git(t, ws, "tag", "base")
	edit(t, ws, "libs/room/room.go", "Doors = 1", "Doors = 2")
	commit(t, ws)
	var out bytes.Buffer
	want := `modules=["libs/room"]` + "\n" + `matrix=[{"module":"libs/room","go":"1.25"},{"module":"libs/room","go":"stable"}]` + "\n"
	if err := ws.printAffected(t.Context(), &out, "base", "github"); err != nil || out.String() != want {
		t.Errorf("got %q, %v; want %q", out.String(), err, want)
	}
	// A base that this clone does not have: all modules, not an error.
	for _, base := range []string{"", strings.Repeat("0", 40), strings.Repeat("ab", 20), "--output=x"} {
		if got := ws.affected(t.Context(), base); len(got) != len(ws.modules) {
			t.Errorf("base %q: got %v, want all modules", base, got)
		}
	}
}

func TestVersionsFileAndModulesMustAgree(t *testing.T) {
	for name, test := range map[string]struct{ old, replacement, want string }{
		"unknown key":      {"prefix:", "prefx: x\nprefix:", "field prefx not found"},
		"module missing":   {"  libs/room: {version: v0.1.0}\n", "", "modules: libs/room is missing"},
		"module unknown":   {"modules:", "modules:\n  libs/attic: {version: v0.1.0}", "modules.libs/attic: no such module"},
		"not a version":    {"libs/room: {version: v0.1.0}", "libs/room: {version: latest}", `modules.libs/room.version: is "latest"`},
		"no reason":        {`, why: "it is a program"`, "", "has a reason (why)"},
		"another prefix":   {"scratch.example/app", "scratch.example/other", "expected scratch.example/other/libs/lamp"},
		"prefix forgotten": {"prefix: scratch.example/app", "", "prefix: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			ws := repository(t)
			edit(t, ws, versionsFile, test.old, test.replacement)
			if _, err := openWorkspace(t.Context(), ws.root); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestRename(t *testing.T) {
	ws := repository(t)
	for _, prefix := range []string{"", "Not a path", "scratch.example/app"} {
		if err := ws.rename(t.Context(), &bytes.Buffer{}, prefix, ""); err == nil {
			t.Errorf("rename to %q passed", prefix)
		}
	}
	if err := ws.rename(t.Context(), &bytes.Buffer{}, "example.com/team/app", ""); err != nil {
		t.Fatal(err)
	}
	commit(t, ws)
	if out, err := checked(t, reopen(t, ws), checkOptions{}); err != nil {
		t.Errorf("the renamed fork fails its check: %v\n%s", err, out)
	}
	if left, err := ws.git(t.Context(), "grep", "-l", "scratch.example/app"); err == nil {
		t.Errorf("the old name is still in %s", left)
	}
}

func TestRenameRepository(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{".github/CODEOWNERS", "* @was\n", "* @now\n"},
		{".github/ISSUE_TEMPLATE/config.yml", "https://github.com/was/old/security", "https://github.com/now/new/security"},
		{"infra/terraform/bootstrap/main.tf", `default = "was/old"`, `default = "now/new"`},
		{"docs/migrating.md", "the predecessor, was/old,", "the predecessor, was/old,"},
	} {
		if got := string(renameRepository(test.name, []byte(test.body), "was/old", "now/new")); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"nonsense"}, {"affected", "-format", "xml"}, {"check", "surplus"}, {"check", "-unknown"}} {
		dir := repository(t).root
		if len(args) > 0 {
			args = append([]string{args[0], "-root", dir}, args[1:]...)
		}
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("%v: got %v, want the usage", args, err)
		}
	}
}
