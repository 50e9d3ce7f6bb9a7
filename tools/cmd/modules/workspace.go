package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// versionsFile says which modules are released, and at which version next.
const versionsFile = "versions.yaml"

// module is one Go module of the repository.
type module struct {
	Dir      string // slash-separated, below the root
	Path     string // module path
	File     *modfile.File
	Siblings []string // folders of the modules of this repository that it requires
	Release  string   // next version; empty when it is never released
	Why      string   // why it is never released
}

// library reports whether other modules may import this one by version, so
// that its go.mod must stand on its own.
func (m module) library() bool { return m.Release != "" }

type workspace struct {
	root    string // absolute
	prefix  string // common prefix of the module paths
	tools   string // folder of the module that pins gorelease and cyclonedx-gomod
	modules []module
}

type versions struct {
	Prefix  string                   `yaml:"prefix"`
	Modules map[string]moduleVersion `yaml:"modules"`
}

type moduleVersion struct {
	Version  string `yaml:"version"`
	Released *bool  `yaml:"released"`
	Why      string `yaml:"why"`
}

// openWorkspace reads versions.yaml and every go.mod below root, and reports
// every disagreement between them.
func openWorkspace(ctx context.Context, root string) (*workspace, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	body, err := os.ReadFile(filepath.Join(abs, versionsFile))
	if err != nil {
		return nil, err
	}
	var v versions
	dec := yaml.NewDecoder(bytes.NewReader(body))
	dec.KnownFields(true)
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s: %w", versionsFile, err)
	}
	if v.Prefix == "" {
		return nil, fmt.Errorf("%s: prefix: is missing, expected the common prefix of the module paths", versionsFile)
	}
	ws := &workspace{root: abs, prefix: v.Prefix, tools: filepath.Join(abs, "tools")}
	dirs, err := ws.moduleDirs(ctx)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, dir := range dirs {
		file := filepath.Join(abs, filepath.FromSlash(dir), "go.mod")
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		mod, err := modfile.Parse(path.Join(dir, "go.mod"), text, nil)
		if err != nil {
			return nil, err
		}
		m := module{Dir: dir, Path: mod.Module.Mod.Path, File: mod}
		if want := v.Prefix + "/" + dir; m.Path != want {
			problems = append(problems, fmt.Errorf("%s/go.mod: module is %s, expected %s", dir, m.Path, want))
		}
		for _, r := range mod.Require {
			if sibling, ok := strings.CutPrefix(r.Mod.Path, v.Prefix+"/"); ok {
				m.Siblings = append(m.Siblings, sibling)
			}
		}
		entry, ok := v.Modules[dir]
		delete(v.Modules, dir)
		switch released := entry.Released == nil || *entry.Released; {
		case !ok:
			problems = append(problems, fmt.Errorf("%s: modules: %s is missing", versionsFile, dir))
		case released && (!semver.IsValid(entry.Version) || semver.Canonical(entry.Version) != entry.Version):
			problems = append(problems, fmt.Errorf("%s: modules.%s.version: is %q, expected a full semantic version such as v0.1.0", versionsFile, dir, entry.Version))
		case !released && (entry.Why == "" || entry.Version != ""):
			problems = append(problems, fmt.Errorf("%s: modules.%s: a module that is not released has a reason (why) and no version", versionsFile, dir))
		case released:
			m.Release = entry.Version
		default:
			m.Why = entry.Why
		}
		ws.modules = append(ws.modules, m)
	}
	for dir := range v.Modules {
		problems = append(problems, fmt.Errorf("%s: modules.%s: no such module", versionsFile, dir))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return ws, ws.sort()
}

// moduleDirs lists the folders that hold a go.mod known to git.
func (ws *workspace) moduleDirs(ctx context.Context) ([]string, error) {
	out, err := ws.git(ctx, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "go.mod", "**/go.mod")
	if err != nil {
		return nil, err
	}
	var dirs []string
	for name := range strings.SplitSeq(out, "\x00") {
		if name == "" || slices.Contains(strings.Split(name, "/"), "testdata") {
			continue
		}
		if _, err := os.Stat(filepath.Join(ws.root, filepath.FromSlash(name))); errors.Is(err, fs.ErrNotExist) {
			continue // deleted, not committed yet
		}
		dirs = append(dirs, path.Dir(name))
	}
	slices.Sort(dirs)
	return dirs, nil
}

// sort puts every module behind those it requires.
func (ws *workspace) sort() error {
	var sorted []module
	done := map[string]bool{}
	for len(sorted) < len(ws.modules) {
		before := len(sorted)
		for _, m := range ws.modules {
			ready := !done[m.Dir] && !slices.ContainsFunc(m.Siblings, func(s string) bool { return !done[s] })
			if ready {
				sorted, done[m.Dir] = append(sorted, m), true
			}
		}
		if len(sorted) == before {
			return errors.New("the modules require one another in a circle, or one that does not exist")
		}
	}
	ws.modules = sorted
	return nil
}

func (ws *workspace) module(dir string) (module, error) {
	var known []string
	for _, m := range ws.modules {
		if m.Dir == dir {
			return m, nil
		}
		known = append(known, m.Dir)
	}
	return module{}, fmt.Errorf("unknown module %q, expected one of %s", dir, strings.Join(known, ", "))
}

// git runs git in the root and returns what it printed.
func (ws *workspace) git(ctx context.Context, args ...string) (string, error) {
	return command(ctx, ws.root, nil, "git", args...)
}

// command runs a program to its end and returns its standard output; the error
// carries all that it printed.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stdout.String() + stderr.String())
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, said)
	}
	return stdout.String(), nil
}
