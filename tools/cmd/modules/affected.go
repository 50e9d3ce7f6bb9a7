package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/version"
	"io"
	"slices"
	"strings"
)

// shared are the files outside every module that change how all of them are
// built or checked.
var shared = []string{"go.work", "go.work.sum", versionsFile, ".golangci.yml", "Makefile", ".github/workflows/check.yml", "tools/modules.mk", ".tool-versions"}

// affected returns the directories of the modules that a change touches, and of
// those that require them, in dependency order. Without a base, or with one
// that is no ancestor known here (a new branch, a forced push), it returns all.
func (ws *workspace) affected(ctx context.Context, base string) []string {
	out, err := "", error(nil)
	all := base == "" || strings.Trim(base, "0") == "" || strings.HasPrefix(base, "-")
	if !all {
		out, err = ws.git(ctx, "diff", "--name-only", "-z", "--no-renames", base+"...HEAD", "--")
	}
	return ws.affectedBy(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"), all || err != nil)
}

// affectedBy is the pure half of affected.
func (ws *workspace) affectedBy(changed []string, all bool) []string {
	touched := map[string]bool{}
	for _, file := range changed {
		if slices.Contains(shared, file) {
			all = true
		}
		if m := ws.owner(file); m != "" {
			touched[m] = true
		}
	}
	dirs := []string{}
	for _, m := range ws.modules { // dependencies come first
		if all || touched[m.Dir] || slices.ContainsFunc(m.Siblings, func(s string) bool { return touched[s] }) {
			touched[m.Dir] = true
			dirs = append(dirs, m.Dir)
		}
	}
	return dirs
}

// owner is the folder of the innermost module that holds the file.
func (ws *workspace) owner(file string) string {
	owner := ""
	for _, m := range ws.modules {
		if strings.HasPrefix(file, m.Dir+"/") && len(m.Dir) > len(owner) {
			owner = m.Dir
		}
	}
	return owner
}

// job is one job of CI: a module under one Go.
type job struct {
	Module string `json:"module"`
	Go     string `json:"go"` // as actions/setup-go takes it
}

// jobs returns the matrix of CI: each module under the Go that its go.mod asks
// for and under the newest; a module that only pins tools has no code to try
// under the older one.
func (ws *workspace) jobs(dirs []string) ([]job, error) {
	jobs := []job{}
	for _, dir := range dirs {
		m, err := ws.module(dir)
		if err != nil {
			return nil, err
		}
		if len(m.File.Tool) == 0 || dir == "tools" {
			if m.File.Go == nil {
				return nil, fmt.Errorf("%s/go.mod: has no go directive", dir)
			}
			language := strings.TrimPrefix(version.Lang("go"+m.File.Go.Version), "go")
			jobs = append(jobs, job{dir, language})
		}
		jobs = append(jobs, job{dir, "stable"})
	}
	return jobs, nil
}

func (ws *workspace) printAffected(ctx context.Context, w io.Writer, base, format string) error {
	dirs := ws.affected(ctx, base)
	jobs, err := ws.jobs(dirs)
	if err != nil {
		return err
	}
	modules, err := json.Marshal(dirs)
	if err != nil {
		return err
	}
	matrix, err := json.Marshal(jobs)
	if err != nil {
		return err
	}
	switch format {
	case "lines":
		for _, dir := range dirs {
			fmt.Fprintln(w, dir)
		}
	case "json":
		fmt.Fprintln(w, string(modules))
	case "github": // lines for $GITHUB_OUTPUT
		fmt.Fprintf(w, "modules=%s\nmatrix=%s\n", modules, matrix)
	default:
		return fmt.Errorf("%w: -format is %q, expected lines, json or github", errUsage, format)
	}
	return nil
}
