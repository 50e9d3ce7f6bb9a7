package httpapi

import (
	"bytes"
	_ "embed"
	"html/template"
	"strings"
)

var (
	//go:embed docs.html
	docsTemplate string
	//go:embed docs.css
	docsStyle []byte
)

// page renders the contract for people. It is done once, so that the page has
// no script and loads nothing but its style.
func (c *contract) page() ([]byte, error) {
	page, err := template.New("docs.html").Funcs(template.FuncMap{
		"lower":      strings.ToLower,
		"join":       func(list []string) string { return strings.Join(list, ", ") },
		"paragraphs": func(text string) []string { return strings.Split(strings.TrimSpace(text), "\n\n") },
	}).Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	type parameterView struct{ Name, In, Description string }
	type operationView struct {
		ID, Method, Path, Summary, Description string
		Consumes, Accept                       []string
		Parameters                             []parameterView
		Declaration                            string
	}
	type tagView struct {
		Name, Description string
		Operations        []operationView
	}
	type namedText struct{ Name, Text string }
	type problemView struct {
		Slug, Title string
		Status      int
	}
	var view struct {
		Title, Summary, Description string
		Tags                        []tagView
		Schemas                     []namedText
		Problems                    []problemView
	}
	view.Title, view.Summary, view.Description = c.title, c.summary, c.description
	for _, tag := range c.tags {
		t := tagView{Name: tag.name, Description: tag.description}
		for _, op := range c.operations {
			if op.tag != tag.name {
				continue
			}
			o := operationView{
				ID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.description,
				Consumes: op.consumes, Accept: op.accept, Declaration: op.declaration,
			}
			for _, p := range op.headers {
				o.Parameters = append(o.Parameters, parameterView{p.name, "header", p.description})
			}
			for _, p := range op.query {
				o.Parameters = append(o.Parameters, parameterView{p.name, "query", p.description})
			}
			t.Operations = append(t.Operations, o)
		}
		view.Tags = append(view.Tags, t)
	}
	for _, schema := range c.schemas {
		view.Schemas = append(view.Schemas, namedText{schema.name, schema.text})
	}
	for _, kind := range problemKinds {
		view.Problems = append(view.Problems, problemView{kind.slug, kind.title, kind.status})
	}
	var out bytes.Buffer
	if err := page.Execute(&out, view); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
