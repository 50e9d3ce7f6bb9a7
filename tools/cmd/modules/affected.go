package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// shared are the files outside every module that change how all of them are
// built or checked.
var shared = []string{"go.work", "go.work.sum", versionsFile, ".golangci.yml", "Makefile", ".github/workflows/check.yml"}

// affected returns the folders of the modules that a change touches, and of
// those that require them, in dependency order. The modules of a base that git
// does not know are all affected: it is better to test too much.
func (ws *workspace) affected(ctx context.Context, base string) ([]string, error) {
	all := base == "" || strings.Trim(base, "0") == ""
	var changed []string
	if !all {
		out, err := ws.git(ctx, "diff", "--name-only", "-z", "--no-renames", base+"...HEAD", "--")
		if err != nil {
			return nil, err
		}
		changed = strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	}
	return ws.affectedBy(changed, all), nil
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

func (ws *workspace) printAffected(ctx context.Context, w io.Writer, base, format string) error {
	dirs, err := ws.affected(ctx, base)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(dirs)
	if err != nil {
		return err
	}
	switch format {
	case "lines":
		for _, dir := range dirs {
			fmt.Fprintln(w, dir)
		}
	case "json":
		fmt.Fprintln(w, string(encoded))
	case "github": // a line for $GITHUB_OUTPUT
		fmt.Fprintf(w, "modules=%s\n", encoded)
	default:
		return fmt.Errorf("%w: -format is %q, expected lines, json or github", errUsage, format)
	}
	return nil
}
