package config

import (
	"errors"
	"fmt"
	"io/fs"
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
func File(path string) Source {
	return func(l *loader) error {
		if l.file != nil {
			return errors.New("config: File is passed twice")
		}
		l.file = &file{path}
		return nil
	}
}

type file struct{ path string }

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
	if root.kind != section {
		l.problem(at(path, root.line), "", "expected keys with values, got "+root.kind.any())
		return
	}
	c := fileCollector{loader: l, settings: map[string]setting{}, sections: map[string]bool{}}
	for _, s := range l.settings {
		c.settings[s.key] = s
		c.known = append(c.known, s.key)
		for i, char := range s.key {
			if char == '.' && !c.sections[s.key[:i]] {
				c.sections[s.key[:i]] = true
				c.known = append(c.known, s.key[:i])
			}
		}
	}
	c.collect("", root)
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
	settings map[string]setting
	sections map[string]bool
	known    []string // the keys of both
}

func (c fileCollector) collect(prefix string, n node) {
	entries := slices.Clone(n.entries)
	// TOML's come by name; in the others this changes nothing.
	slices.SortStableFunc(entries, func(a, b entry) int { return a.line - b.line })
	first := map[string]int{}
	for _, e := range entries {
		key, source := prefix+e.name, at(c.configFile, e.line)
		if strings.Contains(e.name, ".") {
			// "s3.secret": one name with a dot in it, not secret below s3.
			key = prefix + strconv.Quote(e.name)
		}
		shown := clip(key)
		if line, twice := first[e.name]; twice {
			c.wrong[key] = true
			c.problem(source, shown, fmt.Sprintf("set twice, first in line %d", line))
			continue
		}
		first[e.name] = e.line
		setting, isSetting := c.settings[key]
		switch {
		case isSetting:
			c.take(fromFile, setting, source, e.node)
		case c.sections[key] && e.node.kind == null: // all below it is commented out
		case c.sections[key] && e.node.kind == section:
			c.collect(key+".", e.node)
		case c.sections[key]:
			c.problem(source, key, "expected a section, got "+e.node.kind.any())
		default:
			c.problem(source, "", "unknown key "+shown+", the nearest known is "+nearest(key, c.known))
		}
	}
}
