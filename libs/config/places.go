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
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// viper's codecs read the values of a file. They keep no line numbers, and some
// accept duplicate keys, so a second pass over the same text records where each
// key is.

// place is a key of a file, or an element of a list in it.
type place struct {
	path []string // an element is its index in brackets: "[0]"
	line int
	rank int  // among the places of the file
	date date // the text of a date or time of YAML
}

// date is the text of a date or time of YAML. The codec decodes it as a time.Time,
// which does not distinguish a day from its first second or show whether the text had
// a zone.
type date string

// name returns the place as mapstructure names it: servers[0].port.
func (p place) name() string {
	var name strings.Builder
	for i, part := range p.path {
		if i > 0 && !isIndex(part) {
			name.WriteString(".")
		}
		name.WriteString(part)
	}
	return name.String()
}

func isIndex(part string) bool { return strings.HasPrefix(part, "[") }

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// elementOf returns the number, from 1, of the element at an index.
func elementOf(index string) int {
	i, _ := strconv.Atoi(strings.Trim(index, "[]"))
	return i + 1
}

// places is every place of a file, in the order of the text.
type places []place

func (p *places) add(path []string, line int) []string {
	// The caller appends to path afterwards.
	path = slices.Clip(path)
	*p = append(*p, place{path: path, line: line})
	return path
}

// syntaxError is a file that cannot be read as its format. Its text never
// repeats the file's content, which may be secret.
type syntaxError struct {
	line   int // 0 when unknown
	detail string
}

func (e *syntaxError) Error() string { return e.detail }

const (
	maxDepth = 32
	// YAML's codec has a message for each pair of equal keys.
	maxRepeats = 100
	bom        = "\ufeff" // before a text, which some editors write
)

// readTree parses a file by its extension. It returns the values and their
// places, or a *syntaxError.
func readTree(path string, data []byte) (map[string]any, places, error) {
	data = bytes.TrimPrefix(data, []byte(bom))
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return nil, nil, &syntaxError{i + 1, "expected UTF-8"}
		}
	}
	format := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	locate := map[string]func([]byte) (places, error){"yaml": placesYAML, "yml": placesYAML, "toml": placesTOML, "json": placesJSON}[format]
	if locate == nil {
		return nil, nil, &syntaxError{0, "expected a file name that ends in .yaml, .yml, .toml or .json"}
	}
	found, err := locate(data)
	if err != nil {
		return nil, nil, err
	}
	var codec viper.Decoder = numberJSON{}
	if format != "json" {
		if codec, err = viper.NewCodecRegistry().Decoder(format); err != nil {
			return nil, nil, err
		}
	}
	twice := found.repeats()
	if len(twice) > maxRepeats {
		return nil, nil, &syntaxError{twice[maxRepeats].line, fmt.Sprintf("more than %d keys are set twice", maxRepeats)}
	}
	values := map[string]any{}
	if err := codec.Decode(data, values); err != nil && twice == nil {
		return nil, nil, &syntaxError{0, "not valid: " + err.Error()}
	}
	for _, p := range found {
		if p.date != "" {
			p.keepDate(values)
		}
	}
	return values, found, nil
}

// keepDate replaces the time at p by the text of the date.
func (p place) keepDate(values map[string]any) {
	last := len(p.path) - 1
	parent, _ := lookUp(values, p.path[:last])
	switch parent := parent.(type) {
	case map[string]any:
		parent[p.path[last]] = p.date
	case []any:
		parent[elementOf(p.path[last])-1] = p.date
	}
}

// repeats returns the places of duplicate keys; YAML's codec fails on one.
func (p places) repeats() (twice places) {
	seen := map[string]bool{}
	for _, place := range p {
		name := strings.Join(place.path, "\x00")
		if seen[name] {
			twice = append(twice, place)
		}
		seen[name] = true
	}
	return twice
}

// numberJSON decodes JSON and keeps the text of numbers. viper's own codec decodes
// them as float64: 1e3 would be an integer, and 2^53+1 would change.
type numberJSON struct{}

func (numberJSON) Decode(data []byte, values map[string]any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(&values)
}

func placesYAML(data []byte) (places, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, yamlError(data, err)
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, yamlError(data, err)
	default:
		return nil, &syntaxError{second.Line, "expected one document, got a second"}
	}
	var found places
	root := document.Content[0]
	if err := found.addYAML(root, nil); err != nil {
		return nil, err
	}
	if root.Kind != yaml.MappingNode && root.ShortTag() != "!!null" {
		var value any
		if err := root.Decode(&value); err != nil {
			return nil, &syntaxError{root.Line, "not valid YAML"}
		}
		return nil, &syntaxError{root.Line, "expected keys with values, got " + kindOf(value)}
	}
	return found, nil
}

func (p *places) addYAML(y *yaml.Node, path []string) error {
	switch {
	case y.Anchor != "" || y.Kind == yaml.AliasNode:
		return &syntaxError{y.Line, "anchors and aliases (&name, *name) are not supported: write the value out"}
	case y.Style&yaml.TaggedStyle != 0:
		return &syntaxError{y.Line, "tags (!name) are not supported"}
	case len(path) > maxDepth:
		return &syntaxError{y.Line, fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	switch y.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(y.Content); i += 2 {
			key := y.Content[i]
			tag := key.ShortTag()
			if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 || tag == "!!null" || tag == "!!merge" {
				return &syntaxError{key.Line, "expected a plain key"}
			}
			if err := p.addYAML(y.Content[i+1], p.add(append(path, key.Value), key.Line)); err != nil {
				return err
			}
		}
	case yaml.SequenceNode:
		for i, item := range y.Content {
			if err := p.addYAML(item, p.add(append(path, index(i)), item.Line)); err != nil {
				return err
			}
		}
	default:
		tag := y.ShortTag()
		if tag == "!!timestamp" && len(*p) > 0 {
			(*p)[len(*p)-1].date = date(y.Value)
		}
		if (tag == "!!int" || tag == "!!float") && regexp.MustCompile(`^[-+]?0[0-9_]`).MatchString(y.Value) {
			return &syntaxError{y.Line, "a number that begins with 0 is octal in some versions of YAML: leave the 0 out, write 0o17 for octal, or quote a text"}
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

func placesJSON(data []byte) (places, error) {
	lineAt := lines(data)
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		at := len(data)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			// GOEXPERIMENT=jsonv2 does not count the invalid byte.
			first := new(json.SyntaxError)
			errors.As(json.Unmarshal([]byte("]"), new(json.RawMessage)), &first)
			at = int(syntax.Offset - first.Offset)
		}
		return nil, &syntaxError{lineAt(min(at, len(data)-1)), "not valid JSON: " + err.Error()}
	}
	// The decoder would replace it by U+FFFD.
	surrogate := regexp.MustCompile(`\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)`)
	for _, escape := range surrogate.FindAllSubmatchIndex(data, -1) {
		if escape[2] >= 0 {
			return nil, &syntaxError{lineAt(escape[0]), "not valid JSON: half of a surrogate pair in a string"}
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var found places
	// read records what is in the next value. The text is valid, so that Token
	// does not fail.
	var read func(path []string) error
	read = func(path []string) error {
		token, _ := decoder.Token()
		isObject, isArray := token == json.Delim('{'), token == json.Delim('[')
		switch line := lineAt(int(decoder.InputOffset())); {
		case len(path) > maxDepth:
			return &syntaxError{line, fmt.Sprintf("nested deeper than %d", maxDepth)}
		case len(path) == 0 && !isObject:
			return &syntaxError{line, "expected keys with values, got " + kindOf(token)}
		case !isObject && !isArray:
			return nil
		}
		for i := 0; decoder.More(); i++ {
			part, start := index(i), int(decoder.InputOffset())
			if isObject {
				name, _ := decoder.Token()
				part, _ = name.(string)
				start = int(decoder.InputOffset())
			} else { // the offset of an element is where the one before it ends
				start += len(data[start:]) - len(bytes.TrimLeft(data[start:], ", \t\r\n"))
			}
			if err := read(found.add(append(path, part), lineAt(start))); err != nil {
				return err
			}
		}
		_, _ = decoder.Token()
		return nil
	}
	return found, read(nil)
}

func placesTOML(data []byte) (places, error) {
	var document map[string]any
	if err := toml.Unmarshal(data, &document); err != nil {
		line := 0
		if decode := (*toml.DecodeError)(nil); errors.As(err, &decode) {
			line, _ = decode.Position()
		}
		// What strconv says of a number repeats it.
		detail, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "toml: "), ": strconv.")
		return nil, &syntaxError{line, "not valid TOML: " + detail}
	}
	var (
		found  places
		parser unstable.Parser
		seen   = map[string]bool{}
		tables = map[string]int{} // the number of tables in each array of tables
		deep   int                // a line with too many levels
		record func(n *unstable.Node, path []string, line int)
		lineAt = lines(data) // parser.Shape counts the lines from the first
	)
	keys := func(n *unstable.Node, path []string) ([]string, int) {
		line := 0
		for key := n.Key(); key.Next(); {
			line = lineAt(int(key.Node().Raw.Offset))
			if len(path) > maxDepth {
				deep = line
				break
			}
			path = append(path, string(key.Node().Data))
			name := strings.Join(path, "\x00")
			if !seen[name] {
				seen[name] = true
				path = found.add(path, line)
			}
			if n := tables[name]; n > 0 && !key.IsLast() {
				path = append(path, index(n-1))
			}
		}
		return path, line
	}
	record = func(n *unstable.Node, path []string, line int) {
		if len(path) > maxDepth {
			return // lists in lists, which no setting has
		}
		switch n.Kind {
		case unstable.InlineTable:
			for inner := n.Children(); inner.Next(); {
				path, line := keys(inner.Node(), path)
				record(inner.Node().Value(), path, line)
			}
		case unstable.Array:
			i := 0
			for inner := n.Children(); inner.Next(); {
				if inner.Node().Kind != unstable.Comment {
					record(inner.Node(), found.add(append(path, index(i)), line), line)
					i++
				}
			}
		default: // a scalar
		}
	}
	parser.Reset(data)
	var table []string
	for parser.NextExpression() {
		switch expression := parser.Expression(); expression.Kind {
		case unstable.Table:
			table, _ = keys(expression, nil)
		case unstable.ArrayTable:
			path, line := keys(expression, nil)
			name := strings.Join(path, "\x00")
			table = found.add(append(path, index(tables[name])), line)
			tables[name]++
		case unstable.KeyValue:
			path, line := keys(expression, table)
			record(expression.Value(), path, line)
		default: // a comment
		}
	}
	if deep > 0 {
		return nil, &syntaxError{deep, fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	return found, nil
}
