package config

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// File reads the configuration file that --config names or, without that, the
// variable CONFIG with the prefix of [Env]. When neither does, path is read if
// it exists; "" stands for no such default.
//
// The format follows from the extension: .yaml, .yml, .toml or .json. A file
// is at most 1 MiB of UTF-8, and every key in it must be known. YAML's anchors
// and tags are not supported.
func File(path string, options ...FileOption) Source {
	return func(l *loader) error {
		if l.file != nil {
			return errors.New("config: File is passed twice")
		}
		l.file = &file{path: path}
		for _, option := range options {
			option(l.file)
		}
		return nil
	}
}

// FileOption is [Section] or [IgnoreKeys]. With them several programs, or the
// subcommands of one, share a file.
type FileOption func(*file)

// Section makes [File] read the keys below name, and leave the rest of the
// file to others. A file without that section sets nothing.
func Section(name string) FileOption { return func(f *file) { f.section = name } }

// IgnoreKeys lets top-level keys of the file pass that belong to something
// else.
func IgnoreKeys(names ...string) FileOption {
	return func(f *file) { f.ignored = append(f.ignored, names...) }
}

type file struct {
	path, section string
	ignored       []string
}

func (f *file) collect(l *loader) {
	optional := l.namedBy == ""
	if optional {
		l.configFile = f.path
	}
	path := l.configFile
	if path == "" && optional {
		return
	}
	data, err := readFile(path, 1<<20)
	if err != nil {
		if optional && errors.Is(err, fs.ErrNotExist) {
			return
		}
		source := l.namedBy
		if optional {
			source = path
		}
		l.problem(source, "", fmt.Sprintf("cannot read the configuration file %q: %v", path, err))
		return
	}
	values, found, err := readTree(path, data)
	if syntax := (*syntaxError)(nil); errors.As(err, &syntax) {
		l.problem(at(path, syntax.line), "", syntax.detail)
		return
	}
	var tree any = values
	if f.section != "" {
		if tree, found, err = f.cut(values, found); err != nil {
			l.problem(path, f.section, err.Error())
			return
		}
	}
	c := fileCollector{loader: l, root: spot{typ: l.typ}, values: tree}
	c.collect(slices.DeleteFunc(found, func(p place) bool { return slices.Contains(f.ignored, p.path[0]) }))
}

// cut returns what is below the section.
func (f *file) cut(values map[string]any, found places) (any, places, error) {
	var below places
	for _, p := range found {
		if len(p.path) > 1 && p.path[0] == f.section {
			below = append(below, place{p.path[1:], p.line})
		}
	}
	switch section := values[f.section].(type) {
	case nil:
		return map[string]any{}, nil, nil
	case map[string]any:
		return section, below, nil
	default:
		return nil, nil, errors.New("expected a section, got " + kindOf(section))
	}
}

// at is a place in a file.
func at(path string, line int) string {
	if line == 0 {
		return path
	}
	return path + ":" + strconv.Itoa(line)
}

type fileCollector struct {
	*loader
	root   spot
	values any
}

// collect checks each place against the struct, and then lets mapstructure
// decode all values at once.
func (c fileCollector) collect(found places) {
	// TOML's tables may be written in any order.
	slices.SortStableFunc(found, func(a, b place) int { return a.line - b.line })
	c.places = map[string]place{}
	var problems []lineProblem
	report := func(p place, key, detail string) {
		problems = append(problems, lineProblem{p.line, key, detail})
	}
	refuse := func(p place, at spot, raw any, reason error) {
		path := p.path
		if at.element > 0 { // said in words
			path = path[:len(path)-1]
		}
		// A setting that is wrong in one part is not used at all.
		for i := range path {
			c.wrong[place{path: path[:i+1]}.name()] = true
		}
		report(p, place{path: path}.name(), at.detail(raw, reason))
	}
	var known []string
	c.root.names("", &known)
	skip := map[string]bool{} // places below one that was reported
	below := func(p place) bool {
		for i := range p.path {
			if skip[place{path: p.path[:i+1]}.name()] {
				return true
			}
		}
		return false
	}
	for _, p := range found {
		name := p.name()
		spot, ok := c.root.find(p.path)
		switch first, twice := c.places[name]; {
		case below(p):
		case !ok:
			skip[name] = true
			// Below a single value is part of that value, which is judged whole.
			last := len(p.path) - 1
			if parent, _ := c.root.find(p.path[:last]); parent.isSection() && !isIndex(p.path[last]) {
				report(p, "", "unknown key "+clip(p.shown())+near(name, known))
			}
		case twice && !isIndex(p.path[len(p.path)-1]) && slices.Equal(first.path, p.path):
			c.wrong[name] = true
			report(p, clip(name), fmt.Sprintf("set twice, first in line %d", first.line))
			skip[name] = true
		default:
			c.places[name] = p
			if raw, there := lookUp(c.values, p.path); there && raw == nil && (!spot.isSection() || isIndex(p.path[len(p.path)-1])) {
				refuse(p, spot, nil, nil)
			}
		}
	}
	decoded := reflect.New(c.typ)
	faults, err := decode(decoded.Interface(), c.values)
	if err != nil {
		report(place{}, "", err.Error())
	}
	byFault := map[string]place{}
	for _, p := range c.places {
		byFault[c.root.faultName(p.path)] = p
	}
	for _, f := range faults {
		if p, ok := byFault[f.name]; ok { // else it is below a place that was reported
			spot, _ := c.root.find(p.path)
			raw, _ := lookUp(c.values, p.path)
			refuse(p, spot, raw, f.reason)
		}
	}
	slices.SortStableFunc(problems, func(a, b lineProblem) int { return a.line - b.line })
	for _, p := range problems {
		c.problem(at(c.configFile, p.line), p.key, p.detail)
	}
	for _, s := range c.settings {
		path := strings.Split(s.key, ".")
		if raw, there := lookUp(c.values, path); there && raw != nil && !c.wrong[s.key] && c.places[s.key].line > 0 {
			c.give(fromFile, s, given{at(c.configFile, c.places[s.key].line), decoded.Elem().FieldByIndex(s.index)})
		}
	}
}

type lineProblem struct {
	line        int
	key, detail string
}

// faultName is how mapstructure names the place: labels[team] in a map.
func (s spot) faultName(path []string) string {
	var name strings.Builder
	for i, part := range path {
		parent, _ := s.find(path[:i])
		switch {
		case i > 0 && parent.typ.Kind() == reflect.Map:
			name.WriteString("[" + part + "]")
		case i > 0 && !isIndex(part):
			name.WriteString("." + part)
		default:
			name.WriteString(part)
		}
	}
	return name.String()
}

// shown is the name of a place, its last part in quotes where it has a dot:
// "s3.secret" is one name with a dot in it, and not secret below s3.
func (p place) shown() string {
	last := p.path[len(p.path)-1]
	if !strings.Contains(last, ".") {
		return p.name()
	}
	before := place{path: p.path[:len(p.path)-1]}.name()
	return strings.TrimPrefix(before+"."+strconv.Quote(last), ".")
}

// lookUp returns the value at path.
func lookUp(tree any, path []string) (any, bool) {
	for _, part := range path {
		var there bool
		switch node := tree.(type) {
		case map[string]any:
			tree, there = node[part]
		case []any:
			i, err := strconv.Atoi(strings.Trim(part, "[]"))
			if there = err == nil && i < len(node); there {
				tree = node[i]
			}
		}
		if !there {
			return nil, false
		}
	}
	return tree, true
}

// names appends the keys of the sections and settings below s.
func (s spot) names(prefix string, names *[]string) {
	for i := range s.typ.NumField() {
		field := s.typ.Field(i)
		key, tagged := field.Tag.Lookup("key")
		below := newSpot(field)
		switch {
		case !tagged && isEmbedded(field):
			below.names(prefix, names)
		case !tagged || key == "-":
		default:
			*names = append(*names, prefix+key)
			if below.isSection() {
				below.names(prefix+key+".", names)
			}
		}
	}
}
