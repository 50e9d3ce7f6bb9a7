package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// contract is openapi.yaml, read by other means than the program's own.
type contract struct {
	doc     map[string]any
	paths   []contractPath
	schemas *jsonschema.Compiler
	mu      sync.Mutex
	known   map[string]*jsonschema.Schema
}

type contractPath struct {
	template   string
	match      *regexp.Regexp
	operations map[string]any
}

var theContract = sync.OnceValue(func() *contract {
	text, err := os.ReadFile("../../internal/httpapi/openapi.yaml")
	if err != nil {
		panic(err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		panic(err)
	}
	// The same as JSON has it, so that numbers are what the schemas expect.
	asJSON, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		panic(err)
	}
	c := &contract{doc: doc.(map[string]any), schemas: jsonschema.NewCompiler(), known: make(map[string]*jsonschema.Schema)}
	c.schemas.AssertFormat()
	if err := c.schemas.AddResource("contract", doc); err != nil {
		panic(err)
	}
	for template, item := range c.doc["paths"].(map[string]any) {
		pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
		c.paths = append(c.paths, contractPath{template, regexp.MustCompile("^" + pattern + "$"), item.(map[string]any)})
	}
	return c
})

// resolve follows a reference, if v is one; pointer is where v stands.
func (c *contract) resolve(v any, pointer string) (map[string]any, string) {
	m := v.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m, pointer
	}
	at := any(c.doc)
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[part]
	}
	return at.(map[string]any), strings.TrimPrefix(ref, "#")
}

func (c *contract) schema(pointer string) *jsonschema.Schema {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.known[pointer]; ok {
		return s
	}
	s, err := c.schemas.Compile("contract#" + pointer)
	if err != nil {
		panic(err)
	}
	c.known[pointer] = s
	return s
}

func (c *contract) validate(pointer string, body []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return c.schema(pointer).Validate(v)
}

// find returns the path's declaration, or nil.
func (c *contract) find(path string) *contractPath {
	var found *contractPath
	for i := range c.paths {
		if p := &c.paths[i]; p.match.MatchString(path) && (found == nil || !strings.Contains(p.template, "{")) {
			found = p
		}
	}
	return found
}

func escapePointer(s string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
}

// check returns what the contract does not say of an answer.
func (c *contract) check(req *http.Request, resp *http.Response, body []byte) error {
	path := c.find(req.URL.EscapedPath())
	if path == nil {
		return nil // the page, or what is nowhere
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusRequestHeaderFieldsTooLarge:
		return nil // said before the server knows what is asked
	}
	method := strings.ToLower(req.Method)
	if req.Method == "HEAD" {
		method = "get"
	} else if req.Method != strings.ToUpper(method) {
		method = "none" // methods are case-sensitive
	}
	operation, ok := path.operations[method].(map[string]any)
	if !ok {
		var want []string
		for m := range path.operations {
			if m != "parameters" {
				want = append(want, strings.ToUpper(m))
			}
			if m == "get" {
				want = append(want, "HEAD")
			}
		}
		slices.Sort(want)
		switch {
		case method == "options" && resp.StatusCode == 204:
		case resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusBadRequest:
			return fmt.Errorf("got %d for an undeclared method", resp.StatusCode)
		case resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("Allow") != strings.Join(want, ", "):
			return fmt.Errorf("Allow: got %q, want %q", resp.Header.Get("Allow"), strings.Join(want, ", "))
		}
		return nil
	}
	status := fmt.Sprint(resp.StatusCode)
	pointer := "/paths/" + escapePointer(path.template) + "/" + method + "/responses/" + status
	declared, ok := operation["responses"].(map[string]any)[status]
	if !ok {
		return fmt.Errorf("status %s is not declared", status)
	}
	response, pointer := c.resolve(declared, pointer)
	headers, _ := response["headers"].(map[string]any)
	for name, declared := range headers {
		header, at := c.resolve(declared, pointer+"/headers/"+name)
		value := resp.Header.Get(name)
		if value == "" {
			if header["required"] == true {
				return fmt.Errorf("header %s is missing", name)
			}
			continue
		}
		text, _ := json.Marshal(value)
		if err := c.validate(at+"/schema", text); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
	}
	content, _ := response["content"].(map[string]any)
	if req.Method == http.MethodHead {
		if len(body) > 0 {
			return fmt.Errorf("HEAD was answered with a body: %s", body)
		}
		return nil
	}
	if content == nil {
		if len(body) > 0 {
			return fmt.Errorf("undeclared body: %s", short(string(body)))
		}
		return nil
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if _, ok := content[mediaType]; !ok {
		return fmt.Errorf("undeclared media type %q: %s", mediaType, short(string(body)))
	}
	if strings.HasSuffix(mediaType, "json") {
		return c.validate(pointer+"/content/"+escapePointer(mediaType)+"/schema", body)
	}
	return nil
}

// checked holds every answer that a test gets against the contract.
type checked struct {
	t    testing.TB
	next http.RoundTripper
}

func (r *checked) CloseIdleConnections() { r.next.(*http.Transport).CloseIdleConnections() }

func (r *checked) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err := theContract().check(req, resp, body); err != nil {
		r.t.Errorf("%s %s: the answer %d is not what the contract says: %v", req.Method, req.URL, resp.StatusCode, err)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" && req.URL.Path != "/readyz" {
		r.t.Errorf("%s %s: got an answer %d of type %q, want application/problem+json", req.Method, req.URL, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return resp, nil
}
