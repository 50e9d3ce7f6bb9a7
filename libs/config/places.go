package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"go.yaml.in/yaml/v3"
)

// node is a value of a source, with its place. mapstructure decodes nodes, so that an
// error has the line of its node.
type node struct {
	parent *node
	part   string // a key, or an index in brackets: "[0]"
	depth  int
	// order sorts the nodes in one line.
	line, order int
	// value is a single value, an empty map for a section, or an empty []any for a
	// list. The parts of sections and lists are in children.
	value    any
	children []*node
	setting  *setting
}

func (n *node) add(part string, line, order int) *node {
	child := &node{parent: n, part: part, depth: n.depth + 1, line: line, order: order}
	n.children = append(n.children, child)
	return child
}

// index returns the part of the next element of a list.
func (n *node) index() string { return "[" + strconv.Itoa(len(n.children)) + "]" }

// key returns the path to n: servers[0].port.
func (n *node) key() string {
	if n.parent == nil {
		return n.part
	}
	return join(n.parent.key(), n.part)
}

func join(key, part string) string {
	if key == "" || isIndex(part) {
		return key + part
	}
	return key + "." + part
}

func isIndex(part string) bool { return strings.HasPrefix(part, "[") }

// elementOf returns the number, from 1, of the element at an index.
func elementOf(index string) int {
	i, _ := strconv.Atoi(strings.Trim(index, "[]"))
	return i + 1
}

// date is the text of a date or time of YAML. As a time.Time, a day could not be
// distinguished from its first second, nor a time without a zone from one in UTC.
type date string

// syntaxError is a file that cannot be read as its format. Its text never
// repeats the file's content, which may be secret.
type syntaxError struct {
	line   int // 0 when unknown
	detail string
}

func (e *syntaxError) Error() string { return e.detail }

const (
	maxDepth = 32
	bom      = "\ufeff" // before a text, which some editors write
)

// readTree parses a file by its extension. Its error is a *syntaxError.
func readTree(path string, data []byte) (*node, error) {
	data = bytes.TrimPrefix(data, []byte(bom))
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return nil, &syntaxError{i + 1, "expected UTF-8"}
		}
	}
	root := &node{value: map[string]any{}}
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		err = root.readYAML(data)
	case ".toml":
		err = root.readTOML(data)
	case ".json":
		err = root.readJSON(data)
	default:
		err = &syntaxError{0, "expected a file name that ends in .yaml, .yml, .toml or .json"}
	}
	if kind := kindOf(root.value); err == nil && !strings.HasPrefix(kind, "a section") {
		err = &syntaxError{root.line, "expected keys with values, got " + kind}
	}
	return root, err
}

func (n *node) readYAML(data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return yamlError(data, err)
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return yamlError(data, err)
	default:
		return &syntaxError{second.Line, "expected one document, got a second"}
	}
	root := document.Content[0]
	if n.line = root.Line; root.ShortTag() == "!!null" && root.Style&yaml.TaggedStyle == 0 {
		return nil
	}
	return n.addYAML(root)
}

func (n *node) addYAML(y *yaml.Node) error {
	switch {
	case y.Anchor != "" || y.Kind == yaml.AliasNode:
		return &syntaxError{y.Line, "anchors and aliases (&name, *name) are not supported: write the value out"}
	case y.Style&yaml.TaggedStyle != 0:
		return &syntaxError{y.Line, "tags (!name) are not supported"}
	case n.depth > maxDepth:
		return &syntaxError{y.Line, fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.value = map[string]any{}
		for i := 0; i < len(y.Content); i += 2 {
			key := y.Content[i]
			tag := key.ShortTag()
			if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 || tag == "!!null" || tag == "!!merge" {
				return &syntaxError{key.Line, "expected a plain key"}
			}
			if tag != "!!str" && n.depth > 0 {
				n.value = map[any]any{}
			}
			if err := n.add(key.Value, key.Line, key.Column).addYAML(y.Content[i+1]); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		n.value = []any{}
		for _, item := range y.Content {
			if err := n.add(n.index(), item.Line, item.Column).addYAML(item); err != nil {
				return err
			}
		}
	default:
		tag := y.ShortTag()
		if (tag == "!!int" || tag == "!!float") && regexp.MustCompile(`^[-+]?0[0-9_]`).MatchString(y.Value) {
			return &syntaxError{y.Line, "a number that begins with 0 is octal in some versions of YAML: leave the 0 out, write 0o17 for octal, or quote a text"}
		}
		if n.value = date(y.Value); tag != "!!timestamp" {
			n.value = nil // of the root
			if err := y.Decode(&n.value); err != nil {
				return &syntaxError{y.Line, "not valid YAML"}
			}
		}
	}
	return nil
}

func yamlError(data []byte, err error) error {
	found := regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`).FindStringSubmatch(err.Error())
	if found == nil {
		return &syntaxError{0, "not valid YAML"}
	}
	line, detail := 1, found[2]
	if found[1] != "" {
		line, _ = strconv.Atoi(found[1])
		// yaml counts lines from 0 in what its parser finds, and from 1 in
		// what its scanner finds; these are the parser's.
		if strings.HasPrefix(detail, "did not find expected ") && !strings.HasSuffix(detail, "expected '>'") {
			line++
		}
	}
	// This message repeats a word of the file and has no line.
	if name, unknown := strings.CutPrefix(detail, "unknown anchor '"); unknown {
		before, _, _ := bytes.Cut(data, []byte("*"+strings.TrimSuffix(name, "' referenced")))
		return &syntaxError{1 + bytes.Count(before, []byte("\n")), "not valid YAML: an alias (*name) refers to nothing; quote a value that begins with *"}
	}
	return &syntaxError{line, "not valid YAML: " + detail}
}

// lines returns a function that returns the line, from 1, of a byte of data.
func lines(data []byte) func(offset int) int {
	var ends []int
	for i, b := range data {
		if b == '\n' {
			ends = append(ends, i)
		}
	}
	return func(offset int) int {
		line, _ := slices.BinarySearch(ends, offset)
		return 1 + line
	}
}

func (n *node) readJSON(data []byte) error {
	lineAt := lines(data)
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		at := len(data)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			// GOEXPERIMENT=jsonv2 does not count the invalid byte.
			first := new(json.SyntaxError)
			errors.As(json.Unmarshal([]byte("]"), new(json.RawMessage)), &first)
			at = int(syntax.Offset - first.Offset)
		}
		return &syntaxError{lineAt(min(at, len(data)-1)), "not valid JSON: " + err.Error()}
	}
	// The decoder would replace it by U+FFFD.
	surrogate := regexp.MustCompile(`\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)`)
	for _, escape := range surrogate.FindAllSubmatchIndex(data, -1) {
		if escape[2] >= 0 {
			return &syntaxError{lineAt(escape[0]), "not valid JSON: half of a surrogate pair in a string"}
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // in a float64, 1e3 would be an integer, and 2^53+1 change
	// read reads the next value. The text is valid, so that Token does not fail.
	var read func(n *node) error
	read = func(n *node) error {
		token, _ := decoder.Token()
		n.value = token
		isObject, isArray := token == json.Delim('{'), token == json.Delim('[')
		switch line := lineAt(int(decoder.InputOffset())); {
		case n.depth > maxDepth:
			return &syntaxError{line, fmt.Sprintf("nested deeper than %d", maxDepth)}
		case isObject:
			n.value = map[string]any{}
		case isArray:
			n.value = []any{}
		default:
			return nil
		}
		for decoder.More() {
			part, start := n.index(), int(decoder.InputOffset())
			if isObject {
				name, _ := decoder.Token()
				part, _ = name.(string)
				start = int(decoder.InputOffset())
			} else { // the offset of an element is where the one before it ends
				start += len(data[start:]) - len(bytes.TrimLeft(data[start:], ", \t\r\n"))
			}
			if err := read(n.add(part, lineAt(start), start)); err != nil {
				return err
			}
		}
		_, _ = decoder.Token()
		return nil
	}
	n.line = lineAt(len(data) - len(bytes.TrimLeft(data, " \t\r\n")))
	return read(n)
}

func (n *node) readTOML(data []byte) error {
	var document map[string]any
	if err := toml.Unmarshal(data, &document); err != nil {
		line := 0
		if decode := (*toml.DecodeError)(nil); errors.As(err, &decode) {
			line, _ = decode.Position()
		}
		// What strconv says of a number repeats it.
		detail, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "toml: "), ": strconv.")
		return &syntaxError{line, "not valid TOML: " + detail}
	}
	type name struct {
		parent *node
		part   string
	}
	var (
		parser unstable.Parser
		named  = map[name]*node{}
		tables = map[*node]bool{} // the arrays of tables
		deep   int                // a line with too many levels
		lineAt = lines(data)      // parser.Shape counts the lines from the first
	)
	// follow returns the node that a key names, and where its last part is.
	follow := func(expression *unstable.Node, at *node) (*node, int) {
		offset := 0
		for key := expression.Key(); key.Next(); {
			offset = int(key.Node().Raw.Offset)
			if at.depth > maxDepth {
				deep = lineAt(offset)
				break
			}
			this := name{at, string(key.Node().Data)}
			if named[this] == nil {
				named[this] = at.add(this.part, lineAt(offset), offset)
			}
			if at = named[this]; tables[at] && !key.IsLast() {
				at = at.children[len(at.children)-1]
			}
		}
		return at, offset
	}
	var record func(value *unstable.Node, at *node)
	record = func(value *unstable.Node, at *node) {
		for inner := value.Children(); inner.Next() && at.depth <= maxDepth; { // no setting is that deep
			switch part := inner.Node(); {
			case value.Kind == unstable.InlineTable:
				below, _ := follow(part, at)
				record(part.Value(), below)
			case value.Kind == unstable.Array && part.Kind != unstable.Comment:
				record(part, at.add(at.index(), at.line, at.order+1+len(at.children)))
			}
		}
	}
	parser.Reset(data)
	table := n
	for parser.NextExpression() {
		switch expression := parser.Expression(); expression.Kind {
		case unstable.Table:
			table, _ = follow(expression, n)
		case unstable.ArrayTable:
			array, offset := follow(expression, n)
			tables[array] = true
			table = array.add(array.index(), lineAt(offset), offset)
		case unstable.KeyValue:
			at, _ := follow(expression, table)
			record(expression.Value(), at)
		default: // a comment
		}
	}
	if deep > 0 {
		return &syntaxError{deep, fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	n.fill(document)
	return nil
}

// fill sets the values of n and its children, which have their places already.
func (n *node) fill(value any) {
	switch value := value.(type) {
	case map[string]any:
		n.value = map[string]any{}
		for _, child := range n.children {
			child.fill(value[child.part])
		}
	case []any:
		n.value = []any{}
		for i, child := range n.children {
			child.fill(value[i])
		}
	default:
		n.value = value
	}
}
