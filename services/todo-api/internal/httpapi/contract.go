package httpapi

import (
	"bytes"
	_ "embed" // openapi.yaml
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var contractFile []byte

// operation is the part of the contract that requests of one route are checked
// against. Package todo checks bodies and the names in paths; a test compares it
// with the contract.
type operation struct {
	id     string
	method string
	path   string // in the contract's form: /api/state/{name}
	tag    string

	summary, description string
	// declaration is the operation in the contract.
	declaration string

	// accept holds the media types of successful answers; nil if the Accept
	// header is ignored.
	accept []string
	// consumes holds the media types of the request's body; nil if it has no
	// body.
	consumes []string
	headers  []parameter
	query    []parameter
}

type parameter struct {
	name        string
	description string
	maxLength   int // 0: none
	pattern     *regexp.Regexp
	enum        []string
	list        bool // may have several lines
}

// check returns the reason why a value is invalid, or "".
func (p *parameter) check(value string) string {
	switch {
	case p.maxLength > 0 && len(value) > p.maxLength:
		return fmt.Sprintf("expected at most %d characters", p.maxLength)
	case p.pattern != nil && !p.pattern.MatchString(value):
		return "expected to match " + p.pattern.String()
	case p.enum != nil && !slices.Contains(p.enum, value):
		return "expected " + strings.Join(p.enum, " or ")
	}
	return ""
}

// contract is the part of the OpenAPI document that is used here.
type contract struct {
	title, summary, description string
	tags                        []contractTag
	operations                  []*operation
	schemas                     []contractSchema
}

type contractTag struct{ name, description string }

type contractSchema struct{ name, text string }

// contractBelow returns the contract of a server whose public URL has the path.
func contractBelow(path string) []byte {
	if path == "" {
		return contractFile
	}
	return bytes.Replace(contractFile, []byte("\n  - url: /\n"), []byte("\n  - url: "+path+"\n"), 1)
}

// ofList reports whether the operation is about one list.
func (o *operation) ofList() bool { return strings.Contains(o.path, "{name}") }

// fiberPath returns the path in fiber's form.
func (o *operation) fiberPath() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(o.path)
}

// loadContract reads the embedded file. Only the page for people needs the texts of
// declarations and schemas, which take a third of the time.
func loadContract(texts bool) (*contract, error) {
	textOf := func(node *yaml.Node) (string, error) {
		if !texts {
			return "", nil
		}
		text, err := yaml.Marshal(resolved(node))
		return string(text), err
	}
	var doc struct {
		Info struct{ Title, Summary, Description string }
		Tags []struct{ Name, Description string }
		// The page shows members in their order, so these stay nodes.
		Paths      yaml.Node
		Components struct {
			Parameters map[string]contractParameter
			Schemas    yaml.Node
		}
	}
	if err := yaml.Unmarshal(contractFile, &doc); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	c := &contract{title: doc.Info.Title, summary: doc.Info.Summary, description: doc.Info.Description}
	for _, tag := range doc.Tags {
		c.tags = append(c.tags, contractTag{tag.Name, tag.Description})
	}
	patterns := make(map[string]string) // of schemas that parameters refer to
	compiled := make(map[string]*regexp.Regexp)
	for name, schema := range members(&doc.Components.Schemas) {
		text, err := textOf(schema)
		if err != nil {
			return nil, fmt.Errorf("openapi.yaml: schema %s: %w", name, err)
		}
		c.schemas = append(c.schemas, contractSchema{name, text})
		var s contractSchemaRules
		if err := schema.Decode(&s); err != nil {
			return nil, fmt.Errorf("openapi.yaml: schema %s: %w", name, err)
		}
		patterns["#/components/schemas/"+name] = s.Pattern
	}
	for path, item := range members(&doc.Paths) {
		for method, node := range members(item) {
			if method == "parameters" {
				continue
			}
			op, err := newOperation(strings.ToUpper(method), path, node, doc.Components.Parameters, patterns, compiled)
			if err == nil {
				op.declaration, err = textOf(node)
			}
			if err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s: %w", method, path, err)
			}
			c.operations = append(c.operations, op)
		}
	}
	return c, nil
}

type contractParameter struct {
	Ref         string `yaml:"$ref"`
	Name        string
	In          string
	Description string
	Schema      contractSchemaRules
}

type contractSchemaRules struct {
	Ref       string `yaml:"$ref"`
	Pattern   string
	MaxLength int `yaml:"maxLength"`
	Enum      []any
}

func newOperation(method, path string, node *yaml.Node, shared map[string]contractParameter, patterns map[string]string, compiled map[string]*regexp.Regexp) (*operation, error) {
	type content map[string]any
	var decl struct {
		OperationID string `yaml:"operationId"`
		Tags        []string
		Summary     string
		Description string
		Parameters  []contractParameter
		RequestBody struct{ Content content } `yaml:"requestBody"`
		Responses   map[string]struct{ Content content }
	}
	if err := node.Decode(&decl); err != nil {
		return nil, err
	}
	op := &operation{
		id: decl.OperationID, method: method, path: path, tag: decl.Tags[0],
		summary: decl.Summary, description: decl.Description,
	}
	for mediaType := range decl.RequestBody.Content {
		op.consumes = append(op.consumes, mediaType)
	}
	slices.Sort(op.consumes)
	if _, ok := decl.Responses["406"]; ok {
		for status, response := range decl.Responses {
			for mediaType := range response.Content {
				if strings.HasPrefix(status, "2") && !slices.Contains(op.accept, mediaType) {
					op.accept = append(op.accept, mediaType)
				}
			}
		}
		if op.accept == nil { // an empty answer, whose errors are JSON
			op.accept = []string{"application/json"}
		}
	}
	for _, p := range decl.Parameters {
		if p.Ref != "" {
			p = shared[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
		}
		rule := parameter{name: p.Name, description: p.Description, maxLength: p.Schema.MaxLength}
		pattern := p.Schema.Pattern
		if p.Schema.Ref != "" {
			pattern = patterns[p.Schema.Ref]
		}
		// Conditions have more forms than a pattern should show; conditionsOf
		// reads them, and says what it expected.
		rule.list = strings.HasSuffix(p.Schema.Ref, "/Condition")
		if pattern != "" && !rule.list {
			if compiled[pattern] == nil {
				re, err := regexp.Compile(pattern)
				if err != nil {
					return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
				}
				compiled[pattern] = re
			}
			rule.pattern = compiled[pattern]
		}
		for _, v := range p.Schema.Enum {
			rule.enum = append(rule.enum, fmt.Sprint(v))
		}
		switch p.In {
		case "header":
			op.headers = append(op.headers, rule)
		case "query":
			op.query = append(op.query, rule)
		}
	}
	return op, nil
}

// members yields the members of a YAML mapping in their order.
func members(node *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

// resolved returns a copy of node with all aliases replaced by the nodes that they
// refer to.
func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return resolved(node.Alias)
	}
	out := *node
	out.Anchor = ""
	out.Content = nil
	for _, child := range node.Content {
		out.Content = append(out.Content, resolved(child))
	}
	return &out
}
