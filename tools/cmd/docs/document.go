package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// document is one Markdown file of the repository.
type document struct {
	Name   string // slash-separated, below the root
	source []byte
	root   ast.Node
}

func openDocument(root, name string) (document, error) {
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return document{}, err
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	return document{Name: name, source: source, root: md.Parser().Parse(text.NewReader(source))}, nil
}

// tracked lists the files that git knows, or would with the next add.
func tracked(ctx context.Context, root string, patterns ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"}, patterns...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var names []string
	for name := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(string(name)))); len(name) > 0 && err == nil {
			names = append(names, string(name))
		}
	}
	return names, nil
}

// line is the number of the line that holds the byte at offset.
func (d document) line(offset int) int {
	return 1 + bytes.Count(d.source[:offset], []byte("\n"))
}

// lineOf is the line that a node begins at, or that of the nearest block
// around it.
func (d document) lineOf(n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if n.Type() == ast.TypeBlock && n.Lines() != nil && n.Lines().Len() > 0 {
			return d.line(n.Lines().At(0).Start)
		}
	}
	return 1
}

// walk calls visit for every node.
func (d document) walk(visit func(ast.Node)) {
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // visit cannot fail
		if entering {
			visit(n)
		}
		return ast.WalkContinue, nil
	})
}

// anchors are the fragments that a link into the document may have: the
// headings as GitHub names them, and explicit anchors.
func (d document) anchors() map[string]bool {
	found := map[string]bool{}
	d.walk(func(n ast.Node) {
		if h, ok := n.(*ast.Heading); ok {
			slug := githubSlug(d.plain(h))
			name := slug
			for i := 1; found[name]; i++ {
				name = fmt.Sprintf("%s-%d", slug, i)
			}
			found[name] = true
		}
	})
	for rest := string(d.source); ; {
		_, after, ok := strings.Cut(rest, `<a id="`)
		if !ok {
			return found
		}
		id, tail, _ := strings.Cut(after, `"`)
		found[id], rest = true, tail
	}
}

func (d document) plain(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // never fails
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(d.source))
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// githubSlug is the fragment that GitHub gives a heading: lower case, spaces
// as hyphens, and nothing but letters, digits, hyphens and underscores.
func githubSlug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(heading)) {
		switch {
		case r == ' ' || r == '-':
			b.WriteByte('-')
		case r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f && isLetter(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
