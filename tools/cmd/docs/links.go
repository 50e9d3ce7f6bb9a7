package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
)

// checkLinks reports every relative link of every Markdown file that leads to
// nothing: a missing file or folder, one outside the repository, or a heading
// that the file does not have.
func checkLinks(ctx context.Context, out io.Writer, root string) error {
	names, err := tracked(ctx, root, "*.md")
	if err != nil {
		return err
	}
	anchors := map[string]map[string]bool{}
	var documents []document
	for _, name := range names {
		d, err := openDocument(root, name)
		if err != nil {
			return err
		}
		documents, anchors[name] = append(documents, d), d.anchors()
	}
	var problems []error
	checked := 0
	for _, d := range documents {
		d.walk(func(n ast.Node) {
			var target string
			switch n := n.(type) {
			case *ast.Link:
				target = string(n.Destination)
			case *ast.Image:
				target = string(n.Destination)
			default:
				return
			}
			u, err := url.Parse(target)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s:%d: %q is not a link: %w", d.Name, d.lineOf(n), target, err))
				return
			}
			if u.Scheme != "" || u.Host != "" {
				return // elsewhere
			}
			checked++
			if err := resolve(root, d.Name, u, anchors); err != nil {
				problems = append(problems, fmt.Errorf("%s:%d: %w", d.Name, d.lineOf(n), err))
			}
		})
	}
	fmt.Fprintf(out, "%d relative links in %d documents: %d lead nowhere\n", checked, len(documents), len(problems))
	return errors.Join(problems...)
}

func resolve(root, from string, u *url.URL, anchors map[string]map[string]bool) error {
	to := from
	if u.Path != "" {
		to = path.Join(path.Dir(from), u.Path)
	}
	if !filepath.IsLocal(filepath.FromSlash(to)) || strings.HasPrefix(u.Path, "/") {
		return fmt.Errorf("%s leads out of the repository", u)
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
		return fmt.Errorf("%s: %s does not exist", u, to)
	}
	if known, ok := anchors[to]; ok && u.Fragment != "" && !known[u.Fragment] {
		return fmt.Errorf("%s: %s has no heading #%s", u, to, u.Fragment)
	}
	return nil
}

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
