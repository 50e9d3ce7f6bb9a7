package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

type checkOptions struct {
	only string // folder of one module; empty: all
	keep bool
}

// checkRun is one release check: every module packed from the last commit, and
// a place to build them in that knows the siblings by their zips alone.
type checkRun struct {
	*workspace

	out   io.Writer
	dir   string // everything but the module cache
	proxy proxy
	env   []string
	// upstream is where modules that are not this repository's come from, as
	// a part of GOPROXY.
	upstream string
	started  time.Time
}

// check builds and tests every module from the very zip that the module proxy
// would serve, in dependency order, with the siblings' zips in place of their
// folders; compares the API of each released one with its last tag; and builds
// the scratch consumers. It reports everything that is wrong.
func (ws *workspace) check(ctx context.Context, out io.Writer, o checkOptions) error {
	if o.only != "" {
		if _, err := ws.module(o.only); err != nil {
			return err
		}
	}
	if err := ws.cleanTree(ctx); err != nil {
		return err
	}
	run, err := ws.newRun(ctx, out)
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Fprintln(out, "kept:", run.dir)
	} else {
		defer os.RemoveAll(run.dir)
	}
	var problems []error
	passed := 0
	step := func(name string, err error) {
		state := "ok"
		if err != nil {
			state = "FAILED"
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		} else {
			passed++
		}
		fmt.Fprintf(out, "%-6s %6.1fs  %s\n", state, time.Since(run.started).Seconds(), name)
	}
	for _, m := range ws.modules {
		if o.only != "" && m.Dir != o.only {
			continue
		}
		if m.library() {
			step(m.Dir+": releasable", ws.releasable(ctx, m))
			step(m.Dir+": API against its last tag", run.api(ctx, m))
		}
		step(m.Dir+": builds, vets and tests from its zip", run.module(ctx, m))
	}
	if o.only == "" {
		consumers, err := run.consumers()
		if err != nil {
			return err
		}
		for _, c := range consumers {
			step("consumer "+c+": builds and tests against the zips", run.consumer(ctx, c))
		}
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, len(problems))
	return errors.Join(problems...)
}

// cleanTree refuses to check what is not committed, because the proxy would
// not serve it.
func (ws *workspace) cleanTree(ctx context.Context) error {
	out, err := ws.git(ctx, "status", "--porcelain")
	if err != nil {
		return err
	}
	if out != "" {
		return fmt.Errorf("the tree is not clean; commit or remove first:\n%s", strings.TrimRight(out, "\n"))
	}
	return nil
}

func (ws *workspace) newRun(ctx context.Context, out io.Writer) (*checkRun, error) {
	parent := filepath.Join(ws.root, ".cache", "release")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	// Outside the repository: gorelease would otherwise take the folder for a
	// part of it and ask git for its files.
	dir, err := os.MkdirTemp("", "modules-check-")
	if err != nil {
		return nil, err
	}
	run := &checkRun{
		workspace: ws, out: out, dir: dir, proxy: proxy{filepath.Join(dir, "proxy")},
		started: time.Now(),
	}
	for _, m := range ws.modules {
		version := m.Release
		if !m.library() {
			version = "v0.0.0"
		}
		if err := run.proxy.add(ctx, ws, m, "HEAD", version); err != nil {
			return nil, err
		}
	}
	cache := filepath.Join(parent, "modcache")
	if err := ws.forget(cache); err != nil {
		return nil, err
	}
	settings, err := command(ctx, ws.root, nil, "go", "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return nil, err
	}
	was := strings.Split(strings.TrimSpace(settings), "\n")
	run.env = []string{
		"GOWORK=off", "GOMODCACHE=" + cache, "GONOSUMDB=" + ws.prefix, "GOFLAGS=-trimpath -modcacherw",
	}
	// What this machine already has is asked before the network.
	run.upstream = "file://" + filepath.ToSlash(filepath.Join(was[0], "cache", "download")) + "," + was[1]
	run.env = append(run.env, run.goproxy(run.proxy))
	return run, nil
}

// goproxy is the setting that finds this repository's modules in p.
func (r *checkRun) goproxy(p proxy) string {
	return "GOPROXY=file://" + filepath.ToSlash(p.dir) + "," + r.upstream
}

// releasable says what keeps a module from being released at all.
func (ws *workspace) releasable(ctx context.Context, m module) error {
	var problems []error
	for _, r := range m.File.Replace {
		problems = append(problems, fmt.Errorf("%s/go.mod:%d: replace %s: whoever imports a library does not get its replacements", m.Dir, r.Syntax.Start.Line, r.Old.Path))
	}
	for _, r := range m.File.Require {
		dir, ok := strings.CutPrefix(r.Mod.Path, ws.prefix+"/")
		if !ok {
			continue
		}
		tag := dir + "/" + r.Mod.Version
		if _, err := ws.git(ctx, "rev-parse", "--verify", "--quiet", "refs/tags/"+tag); err != nil {
			problems = append(problems, fmt.Errorf("%s/go.mod:%d: requires the sibling %s, but the tag %s does not exist", m.Dir, r.Syntax.Start.Line, r.Mod, tag))
		}
	}
	problems = append(problems, ws.changelog(m, m.Release))
	last, err := ws.lastTag(ctx, m)
	if err != nil {
		return err
	}
	if last != "" && semver.Compare(m.Release, last) <= 0 {
		problems = append(problems, fmt.Errorf("%s: %s is %s, expected a version above %s, its last tag", versionsFile, m.Dir, m.Release, last))
	}
	return errors.Join(problems...)
}

// changelog demands an entry with at least one item for version.
func (ws *workspace) changelog(m module, version string) error {
	name := m.Dir + "/CHANGELOG.md"
	notes, err := ws.notes(m, version)
	if err != nil {
		return err
	}
	if !strings.Contains(notes, "\n- ") && !strings.HasPrefix(notes, "- ") {
		return fmt.Errorf("%s: has no item under a heading \"## [%s]\"", name, strings.TrimPrefix(version, "v"))
	}
	return nil
}

// notes is the text of the CHANGELOG under the heading of version.
func (ws *workspace) notes(m module, version string) (string, error) {
	body, err := os.ReadFile(filepath.Join(ws.root, filepath.FromSlash(m.Dir), "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	heading := regexp.MustCompile(`(?m)^## \[?v?` + regexp.QuoteMeta(strings.TrimPrefix(version, "v")) + `\]?(\s.*)?$`)
	at := heading.FindStringIndex(string(body))
	if at == nil {
		return "", nil
	}
	rest := string(body)[at[1]:]
	if next := strings.Index(rest, "\n## "); next >= 0 {
		rest = rest[:next]
	}
	return strings.TrimSpace(rest), nil
}

// lastTag is the highest version that the module was tagged with, or "".
func (ws *workspace) lastTag(ctx context.Context, m module) (string, error) {
	out, err := ws.git(ctx, "tag", "--list", m.Dir+"/v*")
	if err != nil {
		return "", err
	}
	last := ""
	for tag := range strings.FieldsSeq(out) {
		version := strings.TrimPrefix(tag, m.Dir+"/")
		if semver.IsValid(version) && (last == "" || semver.Compare(version, last) > 0) {
			last = version
		}
	}
	return last, nil
}

// api compares the exported API with that of the last tag and demands the
// version that semantic versioning asks for. Below v1, where semantic
// versioning promises nothing, an incompatible change takes a new minor
// version here.
func (r *checkRun) api(ctx context.Context, m module) error {
	last, err := r.lastTag(ctx, m)
	if err != nil {
		return err
	}
	if last == "" || last == m.Release {
		return nil // nothing to compare with; that the version is above is releasable's concern
	}
	// gorelease refuses a version that exists, so it sees the tagged one alone.
	tagged := proxy{filepath.Join(r.dir, "tagged")}
	if err := tagged.add(ctx, r.workspace, m, m.Dir+"/"+last, last); err != nil {
		return err
	}
	env := append(slices.Clone(r.env), "GOFLAGS=-mod=mod", r.goproxy(tagged))
	dir := filepath.Join(r.dir, "api", filepath.FromSlash(m.Dir))
	if err := r.proxy.unpack(m, m.Release, dir); err != nil {
		return err
	}
	gorelease, err := command(ctx, r.tools, []string{"GOWORK=off"}, "go", "tool", "-n", "gorelease")
	if err != nil {
		return err
	}
	report, err := command(ctx, dir, env, strings.TrimSpace(gorelease), "-base="+last, "-version="+m.Release)
	if err != nil {
		return err
	}
	incompatible := strings.Contains(report, "## incompatible changes")
	if incompatible && semver.Major(m.Release) == "v0" && semver.MajorMinor(m.Release) == semver.MajorMinor(last) {
		return fmt.Errorf("%s breaks its API since %s, expected a version above %s.x:\n%s", m.Dir, last, semver.MajorMinor(last), strings.TrimSpace(report))
	}
	return nil
}

// module builds, vets and tests one module from its zip.
func (r *checkRun) module(ctx context.Context, m module) error {
	version := m.Release
	if version == "" {
		version = "v0.0.0"
	}
	dir := filepath.Join(r.dir, "src", filepath.FromSlash(m.Dir))
	if err := r.proxy.unpack(m, version, dir); err != nil {
		return err
	}
	env := r.env
	if !m.library() {
		// Only a module that nobody imports may point at its siblings'
		// folders. Here it gets their zips instead.
		if err := r.useZips(ctx, m, dir); err != nil {
			return err
		}
		env = append(slices.Clone(env), "GOFLAGS=-mod=mod -trimpath -modcacherw")
	}
	steps := [][]string{{"build", "./..."}, {"vet", "./..."}, {"test", "./..."}}
	packages, err := command(ctx, dir, env, "go", "list", "./...")
	if err != nil {
		return err
	}
	if strings.TrimSpace(packages) == "" {
		steps = [][]string{{"list", "-deps", "tool"}} // it pins a tool: all that the tool needs must be there
	}
	for _, args := range steps {
		if _, err := command(ctx, dir, env, "go", args...); err != nil {
			return err
		}
	}
	return nil
}

func (r *checkRun) useZips(ctx context.Context, m module, dir string) error {
	edit := []string{"mod", "edit"}
	for _, sibling := range m.Siblings {
		s, err := r.workspace.module(sibling)
		if err != nil {
			return err
		}
		version := s.Release
		if version == "" {
			version = "v0.0.0"
		}
		edit = append(edit, "-dropreplace="+s.Path, "-require="+s.Path+"@"+version)
	}
	if len(edit) == 2 {
		return nil
	}
	_, err := command(ctx, dir, r.env, "go", edit...)
	return err
}

// consumers are the folders of scratch modules that use the libraries as
// somebody elsewhere would.
func (r *checkRun) consumers() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.root, "tools", "cmd", "modules", "testdata", "consumers"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// consumer makes a module of a consumer's files, lets the go command find what
// they import among the zips, tests it, and refuses what must not be in its
// module graph: the lines of its file "forbidden" are prefixes of module paths.
func (r *checkRun) consumer(ctx context.Context, name string) error {
	dir := filepath.Join(r.dir, "consumers", name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(r.root, "tools", "cmd", "modules", "testdata", "consumers", name))); err != nil {
		return err
	}
	forbidden, err := os.ReadFile(filepath.Join(dir, "forbidden"))
	if err != nil {
		return err
	}
	env := append(slices.Clone(r.env), "GOFLAGS=-mod=mod -trimpath -modcacherw")
	for _, args := range [][]string{{"mod", "init", "scratch.example/" + name}, {"mod", "tidy"}, {"vet", "./..."}, {"test", "./..."}} {
		if _, err := command(ctx, dir, env, "go", args...); err != nil {
			return err
		}
	}
	required, err := command(ctx, dir, env, "go", "list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	if err != nil {
		return err
	}
	var problems []error
	listed := strings.Fields(required)
	slices.Sort(listed)
	for _, path := range slices.Compact(listed) {
		for prefix := range strings.FieldsSeq(string(forbidden)) {
			if strings.HasPrefix(path, prefix) {
				problems = append(problems, fmt.Errorf("compiles %s, which it did not ask for", path))
			}
		}
	}
	return errors.Join(problems...)
}
