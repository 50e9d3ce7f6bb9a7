package tools_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// modulesRepo creates a repository with four modules: two libraries, of which one
// is imported, and a program and a tool, which are never released.
func modulesRepo(t *testing.T) repo {
	t.Helper()
	return newRepo(t, map[string]string{
		".gitignore":             ".cache/\n",
		"libs/lamp/go.mod":       "module scratch.example/app/libs/lamp\n\ngo 1.25.0\n",
		"libs/lamp/LICENSE":      "free\n",
		"libs/lamp/lamp.go":      "// Package lamp is a lamp.\npackage lamp\n\n// On switches it on.\nfunc On() bool { return true }\n",
		"libs/lamp/lamp_test.go": "package lamp\n\nimport \"testing\"\n\nfunc TestOn(t *testing.T) {\n\tif !On() {\n\t\tt.Error(\"dark\")\n\t}\n}\n",
		"libs/lamp/CHANGELOG.md": "# Changelog\n\n## [0.1.0]\n\n- The lamp.\n",
		"libs/room/go.mod":       "module scratch.example/app/libs/room\n\ngo 1.25.0\n",
		"libs/room/room.go":      "// Package room is a room.\npackage room\n\n// Doors counts the doors.\nconst Doors = 1\n",
		"libs/room/CHANGELOG.md": "# Changelog\n\n## [0.1.0]\n\n- The room.\n" + strings.Repeat("- More than a pipe holds.\n", 4000),
		"cmd/house/go.mod":       "module scratch.example/app/cmd/house\n\ngo 1.25.0\n\nrequire scratch.example/app/libs/lamp v0.0.0\n\nreplace scratch.example/app/libs/lamp => ../../libs/lamp\n",
		"tools/key/go.mod":       "module scratch.example/app/tools/key\n\ngo 1.25.0\n\ntool scratch.example/app/cmd/house\n\nrequire (\n\tscratch.example/app/cmd/house v0.0.0\n\tscratch.example/app/libs/lamp v0.0.0\n)\n\nreplace (\n\tscratch.example/app/cmd/house => ../../cmd/house\n\tscratch.example/app/libs/lamp => ../../libs/lamp\n)\n",
		"cmd/house/main.go":      "// Command house is a house.\npackage main\n\nimport \"scratch.example/app/libs/lamp\"\n\nfunc main() { println(lamp.On()) }\n",
	})
}

func (r repo) edit(t *testing.T, name, old, replacement string) {
	t.Helper()
	file := filepath.Join(string(r), name)
	body := read(t, file)
	if !strings.Contains(body, old) {
		t.Fatalf("%s has no %q", name, old)
	}
	write(t, file, strings.ReplaceAll(body, old, replacement), 0o644)
}

// modules runs tools/modules in the repository.
func (r repo) modules(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	scratch := t.TempDir()
	out, status = script(t, string(r), []string{"TMPDIR=" + scratch}, "./modules", args...)
	if left, err := filepath.Glob(filepath.Join(scratch, "tmp.*")); err != nil || len(left) > 0 {
		t.Errorf("%v left behind: %v, %v", args, left, err)
	}
	return out, status
}

func TestModulesCheckPasses(t *testing.T) {
	t.Parallel()
	if out, status := modulesRepo(t).modules(t, "check"); status != 0 || lastLine(out) != "8 passed, 0 failed" {
		t.Errorf("got %d:\n%s", status, out)
	}
}

// Each change must fail the check, and the output must name the place and the reason.
func TestModulesCheckRefuses(t *testing.T) {
	t.Parallel()
	const lamp, room = "libs/lamp/lamp.go", "libs/room/go.mod"
	untracked := func(name, body string) func(*testing.T, repo) {
		return func(t *testing.T, r repo) { write(t, filepath.Join(string(r), name), body, 0o644) }
	}
	tagged := func(t *testing.T, r repo) { r.git(t, "tag", "libs/lamp/v0.1.0") }
	for name, test := range map[string]struct {
		before func(t *testing.T, r repo)
		edits  [][3]string // file, old and new text; they are committed
		want   []string
	}{
		"a dirty tree":      {untracked("libs/lamp/new.go", "package lamp\n"), nil, []string{"not clean", "libs/lamp/new.go"}},
		"a test that fails": {nil, [][3]string{{lamp, "return true", "return false"}}, []string{"libs/lamp: builds, vets and tests", "dark"}},
		"a program that a library does not fit": {
			nil,
			[][3]string{{"cmd/house/main.go", "lamp.On()", "lamp.Off()"}},
			[]string{"cmd/house: builds and vets against the zips", "undefined: lamp.Off"},
		},
		"a file that git does not have": {
			untracked("libs/lamp/local.go", "package lamp\n\nconst local = true\n"),
			[][3]string{{".gitignore", ".cache/", ".cache/\nlocal.go"}, {lamp, "return true", "return local"}},
			[]string{"undefined: local"},
		},
		"a replace in a library": {
			nil,
			[][3]string{{room, "go 1.25.0\n", "go 1.25.0\n\nreplace golang.org/x/text => ../text\n"}},
			[]string{"libs/room/go.mod:5: replace golang.org/x/text: importers"},
		},
		"an untagged sibling": {
			nil,
			[][3]string{{room, "go 1.25.0\n", "go 1.25.0\n\nrequire scratch.example/app/libs/lamp v0.2.0\n"}},
			[]string{"libs/room/go.mod:5: requires the sibling scratch.example/app/libs/lamp@v0.2.0, but the tag libs/lamp/v0.2.0 does not exist"},
		},
		"no changelog entry": {
			nil,
			[][3]string{{"libs/lamp/CHANGELOG.md", "- The lamp.", ""}},
			[]string{`libs/lamp/CHANGELOG.md: has no item under the heading of v0.1.0`},
		},
		"a version that is not above the tag": {tagged, nil, []string{"libs/lamp/CHANGELOG.md: version is v0.1.0, expected a version above v0.1.0"}},
		"a breaking change with a patch version": {
			tagged,
			[][3]string{{lamp, "func On() bool", "func On(...int) bool"}, {"libs/lamp/CHANGELOG.md", "0.1.0", "0.1.1"}},
			[]string{"libs/lamp breaks its API since v0.1.0, expected a version above v0.1.x"},
		},
		"a path that does not fit its directory": {
			nil,
			[][3]string{{room, "app/libs/room", "other/libs/room"}},
			[]string{"libs/room/go.mod: module is scratch.example/other/libs/room, expected scratch.example/app/libs/room"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := modulesRepo(t)
			if test.before != nil {
				test.before(t, r)
			}
			for _, e := range test.edits {
				r.edit(t, e[0], e[1], e[2])
			}
			if test.edits != nil {
				r.commit(t)
			}
			out, status := r.modules(t, "check")
			if status != 1 {
				t.Errorf("got exit status %d, want 1", status)
			}
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("got\n%s\nwant %q", out, want)
				}
			}
		})
	}
}

func TestReleaseOfABreakingChangeWithAMinorVersion(t *testing.T) {
	t.Parallel()
	r := modulesRepo(t)
	r.git(t, "tag", "libs/lamp/v0.1.0")
	r.edit(t, "libs/lamp/lamp.go", "func On() bool", "func On(...int) bool")
	r.edit(t, "libs/lamp/CHANGELOG.md", "## [0.1.0]", "## [0.2.0]\n\n- Brighter.\n\n## [0.1.0]")
	r.commit(t)
	if out, status := r.modules(t, "release", "libs/lamp", "v0.2.0", "dry-run"); status != 0 || lastLine(out) != "would tag libs/lamp/v0.2.0" {
		t.Fatalf("dry run: got %d:\n%s", status, out)
	}
	if out, status := r.modules(t, "release", "libs/lamp", "v0.2.0"); status != 0 {
		t.Fatalf("got %d:\n%s", status, out)
	}
	if message := r.git(t, "tag", "--list", "--format=%(contents)", "libs/lamp/v0.2.0"); !strings.Contains(message, "Brighter.") || strings.Contains(message, "The lamp.") {
		t.Errorf("the tag says %q, want the text of the CHANGELOG for v0.2.0", message)
	}
	if out, status := r.modules(t, "verify", "libs/lamp/v0.2.0"); status != 0 || lastLine(out) != "verified libs/lamp/v0.2.0" {
		t.Errorf("verify: got %d:\n%s", status, out)
	}
	out := filepath.Join(string(r), ".cache", "page")
	if said, status := r.modules(t, "artifacts", "libs/lamp/v0.2.0", out); status != 0 {
		t.Fatalf("artifacts: got %d:\n%s", status, said)
	}
	for name, want := range map[string]string{
		"libs-lamp-v0.2.0.zip":      "scratch.example/app/libs/lamp@v0.2.0/lamp.go",
		"libs-lamp-v0.2.0.cdx.json": `"bomFormat": "CycloneDX"`,
		"notes.md":                  "- Brighter.",
	} {
		if body := read(t, filepath.Join(out, name)); !strings.Contains(body, want) {
			t.Errorf("%s: got %q; want it to hold %q", name, body, want)
		}
	}
	r.edit(t, ".gitignore", ".cache/", ".cache/\n*.swp")
	r.commit(t)
	if said, status := r.modules(t, "verify", "libs/lamp/v0.2.0"); status != 1 || !strings.Contains(said, "is not the commit that is checked out") {
		t.Errorf("verify of another commit: got %d:\n%s", status, said)
	}
}

// A library that imports a sibling is built from the sibling's directory in
// development, checked with the sibling's zip, and released after it.
func TestReleaseOfALibraryThatImportsASibling(t *testing.T) {
	t.Parallel()
	r := modulesRepo(t)
	r.edit(t, "libs/room/go.mod", "go 1.25.0\n", "go 1.25.0\n\nrequire scratch.example/app/libs/lamp v0.1.0\n\nreplace scratch.example/app/libs/lamp => ../lamp\n")
	r.edit(t, "libs/room/room.go", "package room\n", "package room\n\nimport \"scratch.example/app/libs/lamp\"\n\n// Lit is the lamp.\nvar Lit = lamp.On\n")
	r.commit(t)
	if out, status := r.modules(t, "check"); status != 0 || lastLine(out) != "8 passed, 0 failed" {
		t.Errorf("check: got %d:\n%s", status, out)
	}
	const want = "requires the sibling scratch.example/app/libs/lamp@v0.1.0, but the tag libs/lamp/v0.1.0 does not exist"
	if out, status := r.modules(t, "release", "libs/room", "v0.1.0"); status != 1 || !strings.Contains(out, want) {
		t.Errorf("release before its sibling: got %d:\n%s\nwant %q", status, out, want)
	}
	r.git(t, "tag", "libs/lamp/v0.1.0")
	r.git(t, "tag", "libs/room/v0.1.0")
	r.edit(t, "libs/room/CHANGELOG.md", "## [0.1.0]", "## [0.1.1]\n\n- Brighter.\n\n## [0.1.0]")
	r.commit(t)
	if out, status := r.modules(t, "release", "libs/room", "v0.1.1", "dry-run"); status != 0 || lastLine(out) != "would tag libs/room/v0.1.1" {
		t.Errorf("release after its sibling: got %d:\n%s", status, out)
	}
}

func TestReleaseRefusesBeforeItBuilds(t *testing.T) {
	t.Parallel()
	r := modulesRepo(t)
	r.git(t, "tag", "libs/room/v0.1.0")
	for _, test := range []struct{ module, version, want string }{
		{"libs/attic", "v0.1.0", `unknown module "libs/attic", expected one of cmd/house libs/lamp`},
		{"cmd/house", "v0.1.0", "cmd/house is never released: it has no CHANGELOG.md"},
		{"libs/lamp", "0.1.0", `version is "0.1.0", but libs/lamp/CHANGELOG.md says v0.1.0`},
		{"libs/lamp", "v0.3.0", `version is "v0.3.0", but`},
		{"libs/room", "v0.1.0", "the tag libs/room/v0.1.0 exists"},
	} {
		if out, status := r.modules(t, "release", test.module, test.version); status != 1 || !strings.Contains(out, test.want) {
			t.Errorf("release %s %s: got %d, %q; want %q", test.module, test.version, status, out, test.want)
		}
	}
}

func TestAffected(t *testing.T) {
	t.Parallel()
	all := "libs/lamp libs/room cmd/house tools/key"
	for _, test := range []struct{ name, file, want string }{
		{"a library and its importers", "libs/lamp/lamp.go", "libs/lamp cmd/house tools/key"},
		{"a library without importers", "libs/room/room.go", "libs/room"},
		{"a document", "docs/x.md", ""},
		{"what every module depends on", ".golangci.yml", all},
		{"a directory with the same beginning", "libs/lampshade/x.go", ""},
	} {
		r := modulesRepo(t)
		r.git(t, "tag", "base")
		write(t, filepath.Join(string(r), test.file), "// new\n", 0o644)
		r.commit(t)
		out, status := r.modules(t, "affected", "base")
		got := strings.Fields(out)
		if status != 0 || len(got) != len(strings.Fields(test.want)) || len(got) > 0 && !containsAll(got, strings.Fields(test.want)) {
			t.Errorf("%s: got %d, %v; want %s", test.name, status, got, test.want)
		}
		if test.file != "libs/room/room.go" {
			continue
		}
		want := `modules=["libs/room"]` + "\n" + `matrix=[{"module":"libs/room","go":"1.25"},{"module":"libs/room","go":"stable"}]` + "\n"
		if out, status := r.modules(t, "affected", "base", "github"); status != 0 || out != want {
			t.Errorf("github: got %q, want %q", out, want)
		}
		if out, status := r.modules(t, "affected", "base", "xml"); status != 2 || !strings.Contains(out, "tools/modules affected") {
			t.Errorf("xml: got %d, %q, want the usage", status, out)
		}
		// If the clone lacks the base, all modules are affected.
		for _, base := range []string{"", strings.Repeat("0", 40), strings.Repeat("ab", 20), "--output=x"} {
			out, _ := r.modules(t, "affected", base)
			order := strings.Fields(out)
			if !containsAll(order, strings.Fields(all)) || strings.Index(out, "libs/lamp") > strings.Index(out, "cmd/house") {
				t.Errorf("base %q: got %v, want all modules, dependencies first", base, order)
			}
		}
	}
}

func containsAll(got, want []string) bool {
	for _, w := range want {
		if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+w+" ") {
			return false
		}
	}
	return true
}

func TestRename(t *testing.T) {
	t.Parallel()
	r := modulesRepo(t)
	for _, prefix := range []string{"", "Not a path", "scratch.example/app"} {
		if out, status := r.modules(t, "rename", prefix); status != 1 {
			t.Errorf("rename to %q: got %d, %s", prefix, status, out)
		}
	}
	if out, status := r.modules(t, "rename", "github.com/was/old"); status != 0 {
		t.Fatalf("got %d, %s", status, out)
	}
	owned := map[string][2]string{
		".github/CODEOWNERS":                {"* @was\n", "* @now\n"},
		".github/ISSUE_TEMPLATE/config.yml": {"https://github.com/was/old/security", "https://github.com/now/new/security"},
		"infra/terraform/main.tf":           {`default = "was/old"`, `default = "now/new"`},
		"docs/migrating.md":                 {"the predecessor, was/old,", "the predecessor, was/old,"},
	}
	for name, body := range owned {
		write(t, filepath.Join(string(r), name), body[0], 0o644)
	}
	r.commit(t)
	if out, status := r.modules(t, "rename", "example.com/team/app", "now/new"); status != 0 {
		t.Fatalf("got %d, %s", status, out)
	}
	r.commit(t)
	for name, body := range owned {
		if got := read(t, filepath.Join(string(r), name)); got != body[1] {
			t.Errorf("%s: got %q; want %q", name, got, body[1])
		}
	}
	if out, status := r.modules(t, "check"); status != 0 {
		t.Errorf("the renamed fork fails its check: %d\n%s", status, out)
	}
	if left := r.git(t, "grep", "-c", "", "--", "*.go", "*.mod"); strings.Contains(left, "was/old") {
		t.Errorf("the old name is still in %s", left)
	}
}
