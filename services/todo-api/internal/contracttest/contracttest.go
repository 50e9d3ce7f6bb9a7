// Package contracttest checks responses against openapi.yaml. Its parser is
// independent of the server's.
package contracttest

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

// Contract is a parsed openapi.yaml. It is safe for concurrent use.
type Contract struct {
	doc map[string]any
	// Paths are the paths with their operations.
	Paths   []Path
	schemas *jsonschema.Compiler
	mu      sync.Mutex
	known   map[string]*jsonschema.Schema
}

// Path is a path of the contract.
type Path struct {
	// Template is the path with its parameters in braces.
	Template string
	// Operations are the declarations by lower-case method, and the shared
	// "parameters".
	Operations map[string]any

	match *regexp.Regexp
}

// Load returns the contract. It panics if the file is invalid, or if the working
// directory is not two levels below the module.
var Load = sync.OnceValue(func() *Contract {
	text, err := os.ReadFile("../../internal/httpapi/openapi.yaml")
	if err != nil {
		panic(err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		panic(err)
	}
	// As JSON, so that numbers have the types that the schemas expect.
	asJSON, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		panic(err)
	}
	c := &Contract{doc: object(doc), schemas: jsonschema.NewCompiler(), known: make(map[string]*jsonschema.Schema)}
	c.schemas.AssertFormat()
	if err := c.schemas.AddResource("contract", doc); err != nil {
		panic(err)
	}
	for template, item := range object(c.doc["paths"]) {
		pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
		c.Paths = append(c.Paths, Path{template, object(item), regexp.MustCompile("^" + pattern + "$")})
	}
	return c
})

// object returns v, which is an object in every valid contract.
func object(v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		panic(fmt.Sprintf("openapi.yaml: got %v, want an object", v))
	}
	return m
}

// resolve follows v if it is a reference; pointer is the JSON Pointer of v.
func (c *Contract) resolve(v any, pointer string) (map[string]any, string) {
	m := object(v)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m, pointer
	}
	at := any(c.doc)
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = object(at)[part]
	}
	return object(at), strings.TrimPrefix(ref, "#")
}

func (c *Contract) schema(pointer string) *jsonschema.Schema {
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

// Validate checks a JSON text against the schema at a JSON Pointer.
func (c *Contract) Validate(pointer string, body []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return c.schema(pointer).Validate(v)
}

// find returns the path's declaration, or nil.
func (c *Contract) find(path string) *Path {
	var found *Path
	for i := range c.Paths {
		if p := &c.Paths[i]; p.match.MatchString(path) && (found == nil || !strings.Contains(p.Template, "{")) {
			found = p
		}
	}
	return found
}

func shorten(body []byte) string {
	return string(body[:min(len(body), 300)])
}

func escapePointer(s string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
}

// Check returns an error if the contract does not allow the answer.
func (c *Contract) Check(req *http.Request, resp *http.Response, body []byte) error {
	path := c.find(req.URL.EscapedPath())
	if path == nil {
		return nil // the page, or an unknown path
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusRequestHeaderFieldsTooLarge, http.StatusHTTPVersionNotSupported:
		return nil // sent before the server has read the request
	}
	method := "none" // lower-case methods are different methods
	switch req.Method {
	case http.MethodHead:
		method = "get"
	case strings.ToUpper(req.Method):
		method = strings.ToLower(req.Method)
	}
	operation, ok := path.Operations[method].(map[string]any)
	if !ok {
		var want []string
		for m := range path.Operations {
			if m != "parameters" {
				want = append(want, strings.ToUpper(m))
			}
			if m == "get" {
				want = append(want, "HEAD")
			}
		}
		slices.Sort(want)
		want = append(want, "OPTIONS")
		switch {
		case method == "options" && resp.StatusCode == http.StatusNoContent:
		case resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusBadRequest:
			return fmt.Errorf("got %d for an undeclared method", resp.StatusCode)
		case resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("Allow") != strings.Join(want, ", "):
			return fmt.Errorf("header Allow: got %q, want %q", resp.Header.Get("Allow"), strings.Join(want, ", "))
		}
		return nil
	}
	status := fmt.Sprint(resp.StatusCode)
	pointer := "/paths/" + escapePointer(path.Template) + "/" + method + "/responses/" + status
	declared, ok := object(operation["responses"])[status]
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
		if err := c.Validate(at+"/schema", text); err != nil {
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
			return fmt.Errorf("undeclared body: %s", shorten(body))
		}
		return nil
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if _, ok := content[mediaType]; !ok {
		return fmt.Errorf("undeclared media type %q: %s", mediaType, shorten(body))
	}
	if strings.HasSuffix(mediaType, "json") {
		return c.Validate(pointer+"/content/"+escapePointer(mediaType)+"/schema", body)
	}
	return nil
}

// Client returns a client that fails the test at each response that the contract
// does not allow.
func Client(t testing.TB, next *http.Transport) *http.Client {
	return &http.Client{Transport: &checked{t, next}}
}

type checked struct {
	t    testing.TB
	next *http.Transport
}

func (r *checked) CloseIdleConnections() { r.next.CloseIdleConnections() }

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
	if err := Load().Check(req, resp, body); err != nil {
		r.t.Errorf("%s %s: the answer %d is not what the contract says: %v", req.Method, req.URL, resp.StatusCode, err)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" && req.URL.Path != "/readyz" {
		r.t.Errorf("%s %s: got an answer %d of type %q, want application/problem+json", req.Method, req.URL, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return resp, nil
}
