package httpapi

import (
	"bytes"
	_ "embed" // docs.css
	"fmt"
	"html"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
)

//go:embed docs.css
var docsStyle []byte

// docs answers with the page for people. It is made at the first request.
func docs() handler {
	made := sync.OnceValues(func() (*asset, error) {
		c, err := loadContract(true)
		if err != nil {
			return nil, err
		}
		return newAsset("text/html; charset=utf-8", c.page(), "no-cache"), nil
	})
	return func(c *fiber.Ctx, _ *request) error {
		page, err := made()
		if err != nil {
			return err
		}
		return page.serve(c)
	}
}

// page renders the contract for people, as a page without scripts that loads only
// its style sheet. It does not use html/template, which makes the linker keep
// every method of the AWS SDK: 8 MB.
func (c *contract) page() []byte {
	var out bytes.Buffer
	// Every value is escaped, for text and for quoted attributes alike.
	write := func(format string, values ...string) {
		escaped := make([]any, len(values))
		for i, v := range values {
			escaped[i] = html.EscapeString(v)
		}
		fmt.Fprintf(&out, format+"\n", escaped...)
	}
	write(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<link rel="stylesheet" href="docs.css">
</head>
<body>`, c.title)
	write(`<header><h1>%s</h1>
<p>%s The contract itself is <a href="openapi.yaml">openapi.yaml</a> (OpenAPI 3.1).</p>
<div class="text">%s</div>
<nav>`, c.title, c.summary, c.description)
	for _, tag := range c.tags {
		write(`<a href="#%s">%s</a>`, tag.name, tag.name)
	}
	write(`<a href="#problems">problems</a> <a href="#schemas">schemas</a></nav></header>
<main>`)
	for _, tag := range c.tags {
		write(`<section id="%s"><h2>%s</h2>
<p>%s</p>`, tag.name, tag.name, tag.description)
		for _, op := range c.operations {
			if op.tag == tag.name {
				op.render(write)
			}
		}
		write(`</section>`)
	}
	write(`<section id="problems"><h2>problems</h2>
<p>The <code>type</code> of a problem leads here.</p>
<table><thead><tr><th>type</th><th>status</th><th>title</th></tr></thead><tbody>`)
	for _, kind := range problemKinds {
		write(`<tr id="problem-%s"><td><code>%s</code></td><td>%s</td><td>%s</td></tr>`,
			kind.slug, kind.slug, fmt.Sprint(kind.status), kind.title)
	}
	write(`</tbody></table></section>
<section id="schemas"><h2>schemas</h2>`)
	for _, schema := range c.schemas {
		write(`<article id="schema-%s"><h3>%s</h3><pre>%s</pre></article>`, schema.name, schema.name, schema.text)
	}
	write(`</section></main>
</body>
</html>`)
	return out.Bytes()
}

func (o *operation) render(write func(format string, values ...string)) {
	write(`<article id="%s"><h3><span class="method %s">%s</span> <code>%s</code></h3>
<p>%s</p>`, o.id, strings.ToLower(o.method), o.method, o.path, o.summary)
	if o.description != "" {
		write(`<p class="text">%s</p>`, o.description)
	}
	if o.consumes != nil {
		write(`<p>Takes %s.</p>`, strings.Join(o.consumes, ", "))
	}
	parameter := func(in string, p parameter) {
		write(`<dt><code>%s</code> (%s)</dt><dd>%s</dd>`, p.name, in, p.description)
	}
	write(`<dl>`)
	for _, p := range o.headers {
		parameter("header", p)
	}
	for _, p := range o.query {
		parameter("query", p)
	}
	write(`</dl>
<details><summary>Declaration</summary><pre>%s</pre></details></article>`, o.declaration)
}
