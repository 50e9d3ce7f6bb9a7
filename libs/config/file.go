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
	root, err := readTree(path, data)
	if syntax := (*syntaxError)(nil); errors.As(err, &syntax) {
		l.problem(at(path, syntax.line), "", syntax.detail)
		return
	}
	if f.section != "" {
		root = l.cut(root, f.section)
	}
	root.setting = l.root
	root.children = slices.DeleteFunc(root.children, func(n *node) bool { return slices.Contains(f.ignored, n.part) })
	value := reflect.New(l.root.typ)
	l.decode(path, root, value)
	for _, s := range l.settings {
		if line, set := l.lines[s.key]; set && !l.wrong[s.key] {
			l.give(l.setBelowFlags, s, given{at(path, line), value.Elem().FieldByIndex(s.index)})
		}
	}
}

// cut returns what is below the section of a file, without its key.
func (l *loader) cut(root *node, section string) *node {
	cut := &node{value: map[string]any{}}
	for _, n := range root.children {
		switch kind := kindOf(n.value); {
		case n.part != section:
			continue
		case cut.line > 0:
			l.problem(at(l.configFile, n.line), section, fmt.Sprintf("set twice, first in line %d", cut.line))
			continue
		case n.value != nil && !strings.HasPrefix(kind, "a section"):
			l.problem(at(l.configFile, n.line), section, "expected a section, got "+kind)
		default:
			cut.children = n.children
			for _, child := range n.children {
				child.parent = cut
			}
		}
		cut.line = n.line
	}
	return cut
}

// at names a line of a file: todo.yaml:3.
func at(path string, line int) string {
	if line == 0 {
		return path
	}
	return path + ":" + strconv.Itoa(line)
}
