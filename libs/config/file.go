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
// variable CONFIG with the prefix of [Env]. If neither is set, path is read if it
// exists; "" means no default file.
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
			if err := option(l.file); err != nil {
				return err
			}
		}
		return nil
	}
}

// FileOption is [Section] or [IgnoreKeys]. With them several programs, or the
// subcommands of one, share a file. Each of them needs a prefix of variables of
// its own, too, or [Ignore] for those of the others.
type FileOption func(*file) error

// Section makes [File] read the keys below name and ignore the rest of the file,
// which belongs to other programs. A file without that section sets nothing.
func Section(name string) FileOption {
	return func(f *file) error {
		switch {
		case name == "":
			return errors.New("config: Section: expected the name of a section")
		case f.section != "":
			return errors.New("config: Section is passed twice")
		}
		f.section = name
		return nil
	}
}

// IgnoreKeys accepts top-level keys of the file, or of its [Section], that
// belong to other programs.
func IgnoreKeys(names ...string) FileOption {
	return func(f *file) error { f.ignored = append(f.ignored, names...); return nil }
}

type file struct {
	path, section string
	ignored       []string
}

// below returns the full path of a key in the file.
func (f *file) below(key string) string {
	if f == nil || f.section == "" {
		return key
	}
	return f.section + "." + key
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
	l.takeTree(tree, slices.DeleteFunc(found, func(p place) bool { return slices.Contains(f.ignored, p.path[0]) }))
}

// cut returns what is below the section.
func (f *file) cut(values map[string]any, found places) (any, places, error) {
	var below places
	for _, p := range found {
		if len(p.path) > 1 && p.path[0] == f.section {
			p.path = p.path[1:]
			below = append(below, p)
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

// at names a line of a file: todo.yaml:3.
func at(path string, line int) string {
	if line == 0 {
		return path
	}
	return path + ":" + strconv.Itoa(line)
}

// takeTree checks each place of a file against the struct, and keeps the value of
// each setting that is right.
func (l *loader) takeTree(tree any, found places) {
	// TOML's tables may be written in any order.
	slices.SortStableFunc(found, func(a, b place) int { return a.line - b.line })
	l.places = map[string]place{}
	byName := map[string]place{} // by mapstructure's names
	type placeProblem struct {
		place
		key, detail string
	}
	var problems []placeProblem
	report := func(p place, key, detail string) {
		problems = append(problems, placeProblem{p, key, detail})
	}
	refuse := func(p place, s *setting, raw any, reason error) {
		path, element := p.path, 0
		if last := len(path) - 1; isIndex(path[last]) && !s.isSection() {
			path, element = path[:last], elementOf(path[last]) // said in words
		}
		// A setting that is wrong in one part is not used at all.
		for i := range path {
			l.wrong[place{path: path[:i+1]}.name()] = true
		}
		report(p, place{path: path}.name(), s.detail(raw, reason, element))
	}
	known := l.root.names(nil)
	skip := map[string]bool{} // places that were reported, and those below them
	for i, p := range found {
		p.rank = i
		name, last := p.name(), len(p.path)-1
		s, fault, ok := l.root.find(p.path)
		raw, there := lookUp(tree, p.path)
		first, twice := l.places[name]
		parent, _, _ := l.root.find(p.path[:last])
		switch {
		case last > 0 && skip[place{path: p.path[:last]}.name()]:
			skip[name] = true
		case !ok:
			skip[name] = true
			// Below a single value is part of that value, which is judged whole.
			if parent.isSection() && !isIndex(p.path[last]) {
				report(p, "", "unknown key "+clip(p.shown())+near(p.withoutIndexes(), known))
			}
		case twice && !isIndex(p.path[last]) && slices.Equal(first.path, p.path):
			skip[name], l.wrong[name] = true, true
			report(p, clip(name), fmt.Sprintf("set twice, first in line %d", first.line))
		default:
			l.places[name], byName[fault] = p, p
			_, isMap := raw.(map[string]any)
			// Null is an empty section. What an element is, mapstructure says.
			if there && (raw == nil && (!s.isSection() || isIndex(p.path[last])) || raw != nil && s.isSection() && !isMap && parent.elem == nil) {
				refuse(p, s, raw, nil)
			}
		}
	}
	for _, s := range l.settings {
		raw, there := lookUp(tree, strings.Split(s.key, "."))
		p := l.places[s.key]
		if !there || raw == nil || p.line == 0 {
			continue
		}
		value := reflect.New(s.typ)
		for _, f := range decode(value.Interface(), raw) {
			place, ok := byName[s.key+f.name]
			switch {
			case ok:
			case l.wrong[s.key]: // it is below a place that was reported
				continue
			default:
				place = p
			}
			at, _, _ := l.root.find(place.path)
			raw, _ := lookUp(tree, place.path)
			refuse(place, at, raw, f.reason)
		}
		if !l.wrong[s.key] {
			l.give(l.setBelowFlags, s, given{at(l.configFile, p.line), value.Elem()})
		}
	}
	slices.SortStableFunc(problems, func(a, b placeProblem) int { return a.rank - b.rank })
	for _, p := range problems {
		l.problem(at(l.configFile, p.line), p.key, p.detail)
	}
}

// shown is the name of a place, with its last part in quotes if that is empty or
// contains a dot: "s3.secret" is one name, and not secret below s3.
func (p place) shown() string {
	last := p.path[len(p.path)-1]
	if last != "" && !strings.Contains(last, ".") {
		return p.name()
	}
	before := place{path: p.path[:len(p.path)-1]}.name()
	return strings.TrimPrefix(before+"."+strconv.Quote(last), ".")
}

// withoutIndexes returns the key of what is in every element: servers.port.
func (p place) withoutIndexes() string {
	return place{path: slices.DeleteFunc(slices.Clone(p.path), isIndex)}.name()
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
