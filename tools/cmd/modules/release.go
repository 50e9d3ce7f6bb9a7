package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"
)

// release makes the annotated tag DIR/VERSION on the last commit, after
// everything that could be wrong with it was looked at. It pushes nothing.
func (ws *workspace) release(ctx context.Context, out io.Writer, dir, version string, dryRun bool) error {
	m, err := ws.module(dir)
	if err != nil {
		return err
	}
	if err := ws.mayTag(ctx, m, version); err != nil {
		return err
	}
	if err := ws.check(ctx, out, checkOptions{only: dir}); err != nil {
		return err
	}
	tag := dir + "/" + version
	if dryRun {
		fmt.Fprintln(out, "would tag", tag)
		return nil
	}
	notes, err := ws.notes(m, version)
	if err != nil {
		return err
	}
	if _, err := ws.git(ctx, "tag", "--annotate", "--cleanup=verbatim", "--message", tag+"\n\n"+notes, tag); err != nil {
		return err
	}
	fmt.Fprintf(out, "tagged %s; publish it with: git push origin %s\n", tag, tag)
	return nil
}

// mayTag says what is wrong with the tag alone, before anything is built.
func (ws *workspace) mayTag(ctx context.Context, m module, version string) error {
	var problems []error
	switch {
	case !m.library():
		problems = append(problems, fmt.Errorf("%s is never released: %s", m.Dir, m.Why))
	case !semver.IsValid(version) || semver.Canonical(version) != version:
		problems = append(problems, fmt.Errorf("version is %q, expected a full semantic version such as v0.2.0", version))
	case version != m.Release:
		problems = append(problems, fmt.Errorf("version is %s, but %s says that %s is released at %s next", version, versionsFile, m.Dir, m.Release))
	}
	if _, err := ws.git(ctx, "rev-parse", "--verify", "--quiet", "refs/tags/"+m.Dir+"/"+version); err == nil {
		problems = append(problems, fmt.Errorf("the tag %s/%s exists; a tag that was published is never moved", m.Dir, version))
	}
	problems = append(problems, ws.cleanTree(ctx))
	return errors.Join(problems...)
}

// tagged splits a tag and checks that HEAD is what it names.
func (ws *workspace) tagged(ctx context.Context, tag string) (module, string, error) {
	slash := strings.LastIndex(tag, "/")
	if slash < 0 {
		return module{}, "", fmt.Errorf("tag is %q, expected a module's folder and a version, such as libs/storage/v0.2.0", tag)
	}
	m, err := ws.module(tag[:slash])
	if err != nil {
		return module{}, "", err
	}
	version := tag[slash+1:]
	if m.Release != version {
		return module{}, "", fmt.Errorf("tag is %s, but %s says %s", tag, versionsFile, m.Release)
	}
	at, err := ws.git(ctx, "rev-parse", tag+"^{commit}", "HEAD")
	if err != nil {
		return module{}, "", err
	}
	if commits := strings.Fields(at); commits[0] != commits[1] {
		return module{}, "", fmt.Errorf("tag %s is commit %s, but %s is checked out", tag, commits[0], commits[1])
	}
	return m, version, nil
}

// verify checks the module that a tag names, after the tag was made.
func (ws *workspace) verify(ctx context.Context, out io.Writer, tag string) error {
	m, _, err := ws.tagged(ctx, tag)
	if err != nil {
		return err
	}
	run, err := ws.newRun(ctx, out)
	if err != nil {
		return err
	}
	defer os.RemoveAll(run.dir)
	if err := errors.Join(ws.changelog(m, m.Release), run.module(ctx, m)); err != nil {
		return err
	}
	fmt.Fprintln(out, "verified", tag)
	return nil
}

// artifacts writes what goes onto a release's page: the module's zip, its
// software bill of materials and the notes.
func (ws *workspace) artifacts(ctx context.Context, out io.Writer, tag, to string) error {
	m, version, err := ws.tagged(ctx, tag)
	if err != nil {
		return err
	}
	if to == "" {
		return fmt.Errorf("%w: -out is missing, expected a folder", errUsage)
	}
	to, err = filepath.Abs(to)
	if err != nil {
		return err
	}
	run, err := ws.newRun(ctx, out)
	if err != nil {
		return err
	}
	defer os.RemoveAll(run.dir)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	name := strings.ReplaceAll(tag, "/", "-")
	packed, err := os.ReadFile(run.proxy.zipFile(m, version))
	if err != nil {
		return err
	}
	notes, err := ws.notes(m, version)
	if err != nil {
		return err
	}
	src := filepath.Join(run.dir, "src")
	if err := run.proxy.unpack(m, version, src); err != nil {
		return err
	}
	sbom, err := command(ctx, run.tools, []string{"GOWORK=off"}, "go", "tool", "-n", "cyclonedx-gomod")
	if err != nil {
		return err
	}
	bill, err := command(ctx, src, run.env, strings.TrimSpace(sbom), "mod", "-json", "-licenses", "-noserial", ".")
	if err != nil {
		return err
	}
	for file, body := range map[string][]byte{name + ".zip": packed, name + ".cdx.json": []byte(bill), "notes.md": []byte(notes + "\n")} {
		if err := os.WriteFile(filepath.Join(to, file), body, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", filepath.Join(to, file))
	}
	return nil
}
