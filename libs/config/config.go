// Package config loads a program's settings into a plain struct from flags,
// environment variables, mounted secrets, a configuration file and defaults,
// and reports all problems at once.
//
// viper decides which source wins, mapstructure decodes the values of files,
// pflag parses flags and validator checks rules; none of them is part of the
// API. This package adds what they lack: every problem in one error with its
// key, source (file:line, variable or flag) and expectation, redaction of
// secrets, and a reference generated from the struct.
//
// # The struct
//
// Every exported field is a setting or a section of settings and carries a
// key tag; `key:"-"` excludes a field. Renaming a Go field therefore never
// renames a setting. The fields of an embedded struct without a tag belong to the
// struct that embeds it.
//
//	type Settings struct {
//		Listen string   `key:"listen" help:"address to listen on" validate:"hostport"`
//		S3     struct {
//			Secret config.Secret `key:"secret" help:"secret access key"`
//		} `key:"s3"`
//	}
//
// The key of a nested field is the path to it, s3.secret. It determines the
// flag --s3-secret, the variable TODO_S3_SECRET (with the prefix TODO_) and
// the place in the file, secret below s3. A key's part is [a-z][a-z0-9_]*.
//
//	key          the part of the key that this field adds
//	help         one sentence for the help text and the reference
//	placeholder  the value's name in the help text: --listen host:port
//	expect       what a valid value is, instead of the words derived from the
//	             type and the rules: "expected <expect>, got ..."
//	secret       "true" redacts the value in every output; such a setting has
//	             no flag, because other users of the machine can read flags,
//	             and can be mounted as a file that TODO_S3_SECRET_FILE names.
//	             A field of type [Secret], or a list or map of it, needs no tag.
//	validate     rules of github.com/go-playground/validator/v10, and hostport: an
//	             address to listen on (the host may be empty, the port 0). The rules
//	             of a list's or a map's elements need dive on the field.
//
// A field is a string, a [Secret], a bool, an integer, a float, a
// [time.Duration], a [ByteSize], a [net/url.URL] or a pointer to one
// (absolute), any type with UnmarshalText such as [time.Time], a slice of
// these, or a struct of such fields. A slice of structs, and a map with string
// keys, can be set in a file alone.
//
// # Precedence
//
// Flag, environment variable, secret file (NAME_FILE), configuration file,
// default: the first that has a value for a key wins, in whatever order the
// sources are passed. A value that is overridden must still have the right
// type; the rules of validate apply to the value that wins.
//
// An empty variable counts as unset, NAME_FILE included. A flag (--name=) or
// the file can set an empty value. Null in a file is refused.
//
// # Values
//
// On the command line and in the environment commas separate the elements of
// a list, spaces around an element do not count, and an empty element is an
// error. An element in double quotes may contain commas; a flag that is
// repeated has one element, commas included, in each. In a file a list is a
// list, a string is a string and a number is a number: 8080 is not taken for
// "8080", nor the other way around. Durations and sizes are text with a unit:
// 1m30s, 512KiB. A date or time of TOML or YAML is read as its text, so that a
// [time.Time] has the same form in every source: RFC 3339 with a zone. A day alone
// is refused.
//
// Text that is not UTF-8 or contains a NUL is refused in every source, as are
// files that are pipes, devices or sockets.
//
// Nothing here keeps state between calls; all functions are safe for
// concurrent use.
package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/viper"
)

// ErrHelp matches, by [errors.Is], the error that [Load] returns when the
// arguments contain --help or -h. The text of that error is what [Help] writes, so
// a program that prints its errors needs nothing else. No file has been read.
var ErrHelp = errors.New("config: help requested")

// Error holds every problem of a configuration.
type Error struct {
	// Problems has at least one element: flags first, then variables, secret
	// files and the configuration file, then values of the right type that
	// break a rule.
	Problems []Problem
}

// Error returns one line for each problem.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "configuration: " + e.Problems[0].String()
	}
	var text strings.Builder
	fmt.Fprintf(&text, "configuration: %d problems", len(e.Problems))
	for _, p := range e.Problems {
		text.WriteString("\n  " + p.String())
	}
	return text.String()
}

// Problem is one problem of a configuration. It never contains the value of a secret,
// nor a value whose key is unknown, since that may be a misspelled secret.
type Problem struct {
	// Source is "todo.yaml:3", "TODO_LISTEN", "--listen" or "default".
	Source string
	// Key is the setting's key. It is empty when the problem is not about one
	// setting, as when a name is unknown or a file cannot be read.
	Key string
	// Detail is what was expected and what was found.
	Detail string
}

// String returns the problem on one line: source, key, detail.
func (p Problem) String() string {
	if p.Key == "" {
		return p.Source + ": " + p.Detail
	}
	return p.Source + ": " + p.Key + ": " + p.Detail
}

// Load returns defaults with every value replaced that a source sets. Each of
// [Args], [Env] and [File] may be passed once.
//
// If the configuration has problems, Load returns an [*Error] with all of them
// and the zero T. Any other error, except [ErrHelp], is a mistake in the program,
// such as a struct that cannot be described or a source passed twice. A validate
// tag that names an unknown rule panics, as validator does.
func Load[T any](defaults T, sources ...Source) (T, error) {
	if _, err := load(reflect.ValueOf(&defaults).Elem(), sources); err != nil {
		var zero T
		return zero, err
	}
	return defaults, nil
}

// Source is a place that settings come from: [Args], [Env] or [File].
type Source func(*loader) error

// given is the value that one source has for one key.
type given struct {
	source string
	value  reflect.Value
}

// loader is the state of one call of [Load].
type loader struct {
	root     *setting
	settings []*setting // the leaves below root
	args     *args
	env      *env
	file     *file

	// configFile is the file to read; namedBy is the flag or variable that
	// names it, or "" for the default file.
	configFile, namedBy string

	// known are the keys of all sections and settings, for hints.
	known []string

	// lines has the line of each key in the configuration file.
	lines map[string]int

	// viper decides which value of a key wins; given has all of them, the
	// winner first.
	viper    *viper.Viper
	given    map[string][]given
	problems []Problem
	wrong    map[string]bool // the keys with a problem
}

// newLoader describes the struct and attaches the sources.
func newLoader(defaults reflect.Value, sources []Source) (*loader, error) {
	root, settings, err := describe(defaults)
	if err != nil {
		return nil, err
	}
	l := &loader{
		root: root, settings: settings, known: root.names(nil), given: map[string][]given{}, wrong: map[string]bool{}, lines: map[string]int{},
		// A key is one name to viper: the delimiter is a byte that no key contains.
		viper: viper.NewWithOptions(viper.KeyDelimiter("\x00")),
	}
	for _, source := range sources {
		if err := source(l); err != nil {
			return nil, err
		}
	}
	if err := l.checkNames(); err != nil {
		return nil, err
	}
	return l, nil
}

// checkNames finds settings and aliases whose names collide.
func (l *loader) checkNames() (err error) {
	owners := map[string]string{}
	claim := func(owner string, names ...string) {
		for _, name := range names {
			if other, taken := owners[name]; taken && err == nil {
				err = fmt.Errorf("config: %s belongs to both %s and %s", name, other, owner)
			}
			owners[name] = owner
		}
	}
	claim("the help text", "--help")
	if l.file != nil {
		for _, name := range l.file.ignored {
			if l.root.child(name) != nil {
				return fmt.Errorf("config: IgnoreKeys: %s is a key of this program", name)
			}
		}
		claim("the configuration file", "--config")
		if l.env != nil {
			claim("the configuration file", l.env.configVariable())
		}
	}
	byKey := map[string]*setting{}
	for _, s := range l.settings {
		byKey[s.key] = s
		if s.fileOnly {
			continue
		}
		for _, flag := range s.flags() {
			claim(s.key, "--"+flag)
		}
		if l.env != nil {
			claim(s.key, l.env.variables(s)...)
		}
	}
	if l.env == nil {
		return err
	}
	for _, a := range l.env.aliases {
		claim("the alias for "+a.key, a.variable)
		switch s := byKey[a.key]; {
		case a.variable == "" || strings.Contains(a.variable, "="):
			return fmt.Errorf("config: alias %q for %s: expected the name of a variable", a.variable, a.key)
		case s == nil:
			return fmt.Errorf("config: alias %s: there is no key %s", a.variable, a.key)
		case s.fileOnly:
			return fmt.Errorf("config: alias %s: %s is set in the configuration file only", a.variable, a.key)
		}
	}
	return err
}

// load replaces what the sources set in value, which holds the defaults.
func load(value reflect.Value, sources []Source) (*loader, error) {
	l, err := newLoader(value, sources)
	if err != nil {
		return nil, err
	}
	if l.args != nil {
		if err := l.args.collect(l); err != nil {
			return nil, err
		}
	}
	if l.env != nil {
		l.env.collect(l)
	}
	if l.file != nil {
		l.file.collect(l)
	}
	for _, s := range l.settings {
		l.give(l.viper.SetDefault, s, given{"default", s.def})
		value.FieldByIndex(s.index).Set(l.winner(s).value)
	}
	l.validate(value)
	if len(l.problems) > 0 {
		return nil, &Error{l.problems}
	}
	return l, nil
}

// take decodes what a source has for s, a text or a list of texts, and passes the
// value to viper through set.
func (l *loader) take(set func(string, any), s *setting, source string, raw any) {
	value := reflect.New(s.typ)
	if l.decode(source, &node{part: s.key, value: raw, setting: s}, value) {
		l.give(set, s, given{source, value.Elem()})
	}
}

// give passes a value to viper through set. viper's own readers would read the
// process's environment, which two programs in one test share, and would not
// record where a value came from.
func (l *loader) give(set func(string, any), s *setting, g given) {
	l.given[s.key] = append(l.given[s.key], g)
	set(s.key, g)
}

// setBelowFlags sets a value from a variable, a secret's file or the configuration
// file. These are read in the order of their precedence, so the first value wins.
func (l *loader) setBelowFlags(key string, value any) {
	if !l.viper.InConfig(key) {
		// It fails only on a map that it cannot read, which this is not.
		_ = l.viper.MergeConfigMap(map[string]any{key: value})
	}
}

// winner returns the value that wins. Each setting has a default.
func (l *loader) winner(s *setting) given {
	g, _ := l.viper.Get(s.key).(given)
	return g
}

func (l *loader) problem(source, key, detail string) {
	l.problems = append(l.problems, Problem{Source: oneLine(source), Key: oneLine(key), Detail: oneLine(detail)})
}

// oneLine escapes line breaks and control characters: names and messages may
// contain any text of a file or a variable.
func oneLine(text string) string {
	var out strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			out.WriteRune(r)
		} else {
			out.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return out.String()
}
