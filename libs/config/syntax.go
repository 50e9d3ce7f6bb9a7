package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

// The formats are parsed here and not by viper, which keeps no line numbers and
// lets the second of two equal keys win.

// syntaxError is a file that cannot be read as its format. Its text never
// repeats the file's content, because nobody knows what in it is secret.
type syntaxError struct {
	line   int // 0 when unknown
	detail string
}

func (e *syntaxError) Error() string { return e.detail }

const maxDepth = 32

// readTree parses a file by its extension into a section.
func readTree(path string, data []byte) (node, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return node{}, &syntaxError{i + 1, "expected UTF-8"}
		}
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		return readYAML(data)
	case ".toml":
		return readTOML(data)
	case ".json":
		return readJSON(data)
	}
	return node{}, &syntaxError{0, "expected a file name that ends in .yaml, .yml, .toml or .json"}
}

func readYAML(data []byte) (node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return node{kind: section, line: 1}, nil
	case err != nil:
		return node{}, yamlError(data, err)
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return node{}, yamlError(data, err)
	default:
		return node{}, &syntaxError{second.Line, "expected one document, got a second"}
	}
	root, err := fromYAML(document.Content[0], 0)
	if err == nil && root.kind == null {
		root = node{kind: section, line: 1}
	}
	return root, err
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

func fromYAML(y *yaml.Node, depth int) (node, error) {
	n := node{line: y.Line, text: y.Value}
	if y.Anchor != "" || y.Kind == yaml.AliasNode {
		return n, &syntaxError{y.Line, "anchors and aliases (&name, *name) are not supported: write the value out"}
	}
	if depth > maxDepth {
		return n, &syntaxError{y.Line, fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = section
		for i := 0; i < len(y.Content); i += 2 {
			key := y.Content[i]
			if key.Kind != yaml.ScalarNode || key.Anchor != "" {
				return n, &syntaxError{key.Line, "expected a plain key"}
			}
			value, err := fromYAML(y.Content[i+1], depth+1)
			if err != nil {
				return n, err
			}
			n.entries = append(n.entries, entry{key.Value, key.Line, value})
		}
		return n, nil
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			value, err := fromYAML(item, depth+1)
			if err != nil {
				return n, err
			}
			n.items = append(n.items, value)
		}
		return n, nil
	default: // a scalar
	}
	switch y.ShortTag() {
	case "!!str":
		n.kind = str
	case "!!bool":
		n.kind = boolean
	case "!!int":
		n.kind = integer
		var value any // 0x10, 1_000 and the like come out in decimal
		if y.Decode(&value) == nil {
			n.text = fmt.Sprint(value)
		}
	case "!!float":
		n.kind = float
	case "!!timestamp":
		n.kind = date
	case "!!null":
		n.kind = null
	default:
		return n, &syntaxError{y.Line, "tags (!name) are not supported"}
	}
	return n, nil
}

func readJSON(data []byte) (node, error) {
	lineAt := func(offset int64) int {
		return 1 + bytes.Count(data[:max(0, min(offset, int64(len(data))))], []byte("\n"))
	}
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		line := lineAt(int64(len(data)))
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			line = lineAt(syntax.Offset - 1)
		}
		return node{}, &syntaxError{line, "not valid JSON: " + err.Error()}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var read func(depth int) (node, error)
	read = func(depth int) (node, error) {
		token, err := decoder.Token()
		n := node{line: lineAt(decoder.InputOffset())}
		if err != nil {
			return n, &syntaxError{n.line, "not valid JSON: " + err.Error()}
		}
		if depth > maxDepth {
			return n, &syntaxError{n.line, fmt.Sprintf("nested deeper than %d", maxDepth)}
		}
		switch token := token.(type) {
		case string:
			n.kind, n.text = str, token
		case bool:
			n.kind, n.text = boolean, strconv.FormatBool(token)
		case nil:
			n.kind = null
		case json.Number:
			n.kind, n.text = integer, token.String()
			if strings.ContainsAny(n.text, ".eE") {
				n.kind = float
			}
		case json.Delim:
			n.kind = list
			if token == '{' {
				n.kind = section
			}
			for decoder.More() {
				var name string
				if n.kind == section {
					key, err := decoder.Token()
					if err != nil {
						return n, &syntaxError{n.line, "not valid JSON: " + err.Error()}
					}
					name, _ = key.(string)
				}
				line := lineAt(decoder.InputOffset())
				value, err := read(depth + 1)
				if err != nil {
					return n, err
				}
				if n.kind == section {
					n.entries = append(n.entries, entry{name, line, value})
				} else {
					n.items = append(n.items, value)
				}
			}
			if _, err := decoder.Token(); err != nil {
				return n, &syntaxError{n.line, "not valid JSON: " + err.Error()}
			}
		}
		return n, nil
	}
	return read(0)
}

func readTOML(data []byte) (node, error) {
	var document map[string]any
	if err := toml.Unmarshal(data, &document); err != nil {
		line := 0
		if decode := (*toml.DecodeError)(nil); errors.As(err, &decode) {
			line, _ = decode.Position()
		}
		// What strconv says of a number repeats it.
		detail, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "toml: "), ": strconv.")
		return node{}, &syntaxError{line, "not valid TOML: " + detail}
	}
	return fromTOML(document, "", 1, tomlLines(data)), nil
}

// tomlLines maps the path of each key, parts joined by NUL, to its first line.
func tomlLines(data []byte) map[string]int {
	lines := map[string]int{}
	var parser unstable.Parser
	parser.Reset(data)
	var record func(expression *unstable.Node, path string) string
	record = func(expression *unstable.Node, path string) string {
		for keys := expression.Key(); keys.Next(); {
			path += "\x00" + string(keys.Node().Data)
			if _, seen := lines[path]; !seen {
				lines[path] = parser.Shape(keys.Node().Raw).Start.Line
			}
		}
		if expression.Kind == unstable.KeyValue && expression.Value().Kind == unstable.InlineTable {
			for inner := expression.Value().Children(); inner.Next(); {
				record(inner.Node(), path)
			}
		}
		return path
	}
	table := ""
	for parser.NextExpression() {
		switch expression := parser.Expression(); expression.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = record(expression, "")
		case unstable.KeyValue:
			record(expression, table)
		default: // a comment
		}
	}
	return lines
}

func fromTOML(value any, path string, line int, lines map[string]int) node {
	n := node{line: line}
	switch value := value.(type) {
	case map[string]any:
		n.kind = section
		for _, name := range slices.Sorted(maps.Keys(value)) {
			path := path + "\x00" + name
			n.entries = append(n.entries, entry{name, lines[path], fromTOML(value[name], path, lines[path], lines)})
		}
	case []any:
		n.kind = list
		for _, item := range value {
			n.items = append(n.items, fromTOML(item, path, line, lines))
		}
	case string:
		n.kind, n.text = str, value
	case bool:
		n.kind, n.text = boolean, strconv.FormatBool(value)
	case int64:
		n.kind, n.text = integer, strconv.FormatInt(value, 10)
	case float64:
		n.kind, n.text = float, strconv.FormatFloat(value, 'g', -1, 64)
	default:
		n.kind, n.text = date, fmt.Sprint(value)
	}
	return n
}
