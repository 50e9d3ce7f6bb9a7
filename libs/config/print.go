package config

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Help writes each setting with the names that set it, its default and its
// meaning, for a terminal. It shows only names of the given sources: flags are shown
// only with [Args].
func Help[T any](w io.Writer, defaults T, sources ...Source) error {
	l, err := newLoader(reflect.ValueOf(&defaults).Elem(), sources)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, l.help()+"\n")
	return err
}

// helpError is ErrHelp with the text that was asked for.
type helpError struct{ text string }

func (h helpError) Error() string        { return h.text }
func (h helpError) Is(target error) bool { return target == ErrHelp }

func (l *loader) help() string {
	var text strings.Builder
	for i, e := range l.entries() {
		if i > 0 {
			text.WriteString("\n")
		}
		names := e.variables
		if e.flag != "" {
			names = append([]string{e.flag}, names...)
		}
		if e.key != "" {
			names = append(names, "key "+e.key)
		}
		fmt.Fprintf(&text, "  %s\n", strings.Join(names, ", "))
		if e.meaning != "" {
			fmt.Fprintf(&text, "      %s\n", e.meaning)
		}
		if e.fallback != "" {
			fmt.Fprintf(&text, "      default %s\n", printable(e.fallback))
		}
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// Markdown writes what [Help] writes as a table in Markdown.
func Markdown[T any](w io.Writer, defaults T, sources ...Source) error {
	l, err := newLoader(reflect.ValueOf(&defaults).Elem(), sources)
	if err != nil {
		return err
	}
	code := func(texts ...string) string {
		var cells []string
		for _, text := range texts {
			if text != "" {
				cells = append(cells, "`"+text+"`")
			}
		}
		return strings.Join(cells, "<br>")
	}
	columns := []struct {
		title string
		show  bool
		cell  func(helpEntry) string
	}{
		{"Key", true, func(e helpEntry) string { return code(e.key) }},
		{"Flag", l.args != nil, func(e helpEntry) string { return code(e.flag) }},
		{"Variable", l.env != nil, func(e helpEntry) string { return code(e.variables...) }},
		{"Default", true, func(e helpEntry) string { return code(e.fallback) }},
		{"Meaning", true, func(e helpEntry) string { return e.meaning }},
	}
	var text bytes.Buffer
	row := func(cell func(i int) string) {
		for i, column := range columns {
			if column.show {
				oneLine := strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell(i))
				text.WriteString("| " + oneLine + " ")
			}
		}
		text.WriteString("|\n")
	}
	row(func(i int) string { return columns[i].title })
	row(func(int) string { return "---" })
	for _, e := range l.entries() {
		row(func(i int) string { return columns[i].cell(e) })
	}
	_, err = w.Write(text.Bytes())
	return err
}

// helpEntry is a setting as the help text and the reference show it.
type helpEntry struct {
	key, flag, fallback, meaning string
	variables                    []string
}

func (l *loader) entries() []helpEntry {
	var entries []helpEntry
	if l.file != nil && (l.args != nil || l.env != nil) {
		e := helpEntry{fallback: l.file.path, meaning: "configuration file: .yaml, .yml, .toml or .json"}
		if l.args != nil {
			e.flag = "--config file"
		}
		if l.env != nil {
			e.variables = []string{l.env.configVariable()}
		}
		entries = append(entries, e)
	}
	for _, s := range l.settings {
		e := helpEntry{key: l.file.below(s.key), fallback: display(s, s.def), meaning: s.help}
		if s.expect != "" {
			e.meaning = strings.TrimPrefix(e.meaning+"; "+s.expect, "; ")
		}
		if l.args != nil && !s.secret && !s.fileOnly {
			e.flag = s.flag() + " " + s.shownPlaceholder()
			if s.isBool() {
				e.flag = "--[no-]" + s.flagName()
			}
		}
		if l.env != nil {
			e.variables = l.env.variables(s)
			for _, a := range l.env.aliases {
				if a.key == s.key {
					e.variables = append(e.variables, a.describe())
				}
			}
		}
		entries = append(entries, e)
	}
	return entries
}

// describe says what an alias does by converting an example.
func (a alias) describe() string {
	const example = "NAME"
	if meaning := a.convert(example); meaning != example {
		return a.variable + "=" + example + " for " + meaning
	}
	return a.variable
}

func (s *setting) shownPlaceholder() string {
	t := s.typ
	switch {
	case s.placeholder != "":
		return s.placeholder
	case isList(t):
		return "a,b,..."
	case isDuration(t):
		return "duration"
	case t == reflect.TypeFor[ByteSize]():
		return "size"
	case isURL(t):
		return "url"
	case readsText(t) || t.Kind() == reflect.String:
		return "text"
	}
	return "number"
}

// Effective loads as [Load] does and writes a table with each setting, its
// value, the source that it came from and the sources that it overrides. The
// values of secrets and the passwords of URLs are redacted. When Load would
// return an error it returns that and writes nothing.
func Effective[T any](w io.Writer, defaults T, sources ...Source) error {
	value := reflect.ValueOf(&defaults).Elem()
	l, err := load(value, sources)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tVALUE\tSOURCE\tOVERRIDES")
	for _, s := range l.settings {
		var overridden []string
		for _, g := range l.given[s.key][1:] {
			if g.source != "default" {
				overridden = append(overridden, g.source)
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.key,
			printable(display(s, value.FieldByIndex(s.index))), l.winner(s).source, strings.Join(overridden, ", "))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	// Cells that are empty at the end of a line leave spaces behind.
	for line := range strings.Lines(text.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// printable quotes a value that is empty or contains spaces or control characters.
func printable(value string) string {
	for _, r := range value {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return strconv.Quote(value)
		}
	}
	if value == "" {
		return `""`
	}
	return value
}
