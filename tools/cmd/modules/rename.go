package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	modmodule "golang.org/x/mod/module"
)

var githubPath = regexp.MustCompile(`^github\.com/([^/]+/[^/]+)`)

// rename turns a fork into one's own: the prefix of every module path, and the
// repository's name on GitHub where roles, owners and links name it. Names of
// the predecessor in prose stay, because they are history. It changes text
// files that git tracks, and nothing when any of them cannot be read.
func (ws *workspace) rename(ctx context.Context, out io.Writer, prefix, repository string) error {
	if err := modmodule.CheckPath(prefix + "/libs/storage"); err != nil {
		return fmt.Errorf("prefix is %q, expected the beginning of a module path such as example.com/team/app: %w", prefix, err)
	}
	if prefix == ws.prefix {
		return fmt.Errorf("prefix is %q already", prefix)
	}
	if repository == "" {
		if m := githubPath.FindStringSubmatch(prefix); m != nil {
			repository = m[1]
		}
	}
	if repository != "" && strings.Count(repository, "/") != 1 {
		return fmt.Errorf("repository is %q, expected OWNER/NAME", repository)
	}
	if err := ws.cleanTree(ctx); err != nil {
		return err
	}
	was := githubPath.FindStringSubmatch(ws.prefix)
	names, err := ws.git(ctx, "ls-files", "-z")
	if err != nil {
		return err
	}
	changed := map[string][]byte{}
	for name := range strings.SplitSeq(strings.TrimSuffix(names, "\x00"), "\x00") {
		body, err := os.ReadFile(filepath.Join(ws.root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if bytes.IndexByte(body, 0) >= 0 {
			continue // not text
		}
		renamed := bytes.ReplaceAll(body, []byte(ws.prefix), []byte(prefix))
		if was != nil && repository != "" {
			renamed = renameRepository(name, renamed, was[1], repository)
		}
		if !bytes.Equal(body, renamed) {
			changed[name] = renamed
		}
	}
	for name, body := range changed {
		file := filepath.Join(ws.root, filepath.FromSlash(name))
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, body, info.Mode()); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "renamed %s to %s in %d files", ws.prefix, prefix, len(changed))
	if repository != "" {
		fmt.Fprintf(out, ", and the repository to %s", repository)
	}
	fmt.Fprintln(out, "; look at git diff, then run: make check")
	return nil
}

// renameRepository changes OWNER/NAME and the code owner where a machine reads
// them: on GitHub's own files and in Terraform and Ansible.
func renameRepository(name string, body []byte, was, repository string) []byte {
	if !strings.HasPrefix(name, ".github/") && !strings.HasPrefix(name, "infra/") {
		return body
	}
	body = bytes.ReplaceAll(body, []byte(was), []byte(repository))
	if name == ".github/CODEOWNERS" {
		oldOwner, _, _ := strings.Cut(was, "/")
		owner, _, _ := strings.Cut(repository, "/")
		body = bytes.ReplaceAll(body, []byte("@"+oldOwner), []byte("@"+owner))
	}
	return body
}
