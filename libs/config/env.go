package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Env reads the variables of environ ("NAME=value", as from [os.Environ]; the
// last of equal names wins) that begin with prefix, such as "TODO_". An empty
// variable counts as unset.
//
// An unknown variable with the prefix is refused, because it is usually
// misspelled. Two kinds belong to other programs and are accepted: variables named
// by [Ignore], and the links that Kubernetes and Docker set for a service whose
// name begins like the prefix (TODO_SERVICE_HOST, TODO_PORT_80_TCP_ADDR, or
// TODO_PORT=tcp://...), unless a setting has that name.
//
// For a secret, the variable with the suffix _FILE names a file that contains the
// value; a byte order mark at its beginning and one line break at its end are
// removed. If both variables are set, the one without the suffix wins; the file must
// still be readable, regular and text.
func Env(prefix string, environ []string, options ...EnvOption) Source {
	return func(l *loader) error {
		if l.env != nil {
			return errors.New("config: Env is passed twice")
		}
		// Without a prefix every variable of the machine would be an unknown one.
		if !regexp.MustCompile(`^[A-Z][A-Z0-9_]*_$`).MatchString(prefix) {
			return fmt.Errorf("config: prefix %q is not upper case with _ at its end, such as TODO_", prefix)
		}
		l.env = &env{prefix: prefix, environ: environ}
		for _, option := range options {
			option(l.env)
		}
		return nil
	}
}

// EnvOption is [Alias] or [Ignore].
type EnvOption func(*env)

// Alias lets a variable with any prefix set key. convert turns the variable's
// value into one for the key; if nil, the value is used unchanged. The key's own
// variable wins over an alias, and an earlier alias over a later one. An alias has
// no variable with the suffix _FILE.
func Alias(variable, key string, convert func(value string) string) EnvOption {
	if convert == nil {
		convert = func(value string) string { return value }
	}
	return func(e *env) { e.aliases = append(e.aliases, alias{variable, key, convert}) }
}

type alias struct {
	variable, key string
	convert       func(string) string
}

// Ignore accepts variables with the prefix that belong to other programs. A name
// that ends in * matches all variables that begin with the part before it.
func Ignore(names ...string) EnvOption {
	return func(e *env) { e.ignored = append(e.ignored, names...) }
}

type env struct {
	prefix  string
	environ []string
	aliases []alias
	ignored []string
}

func (e *env) configVariable() string { return e.prefix + "CONFIG" }

// variables returns the names that set s, without aliases.
func (e *env) variables(s *setting) []string {
	if s.fileOnly {
		return nil
	}
	name := s.variable(e.prefix)
	if s.secret {
		return []string{name, name + "_FILE"}
	}
	return []string{name}
}

func (e *env) collect(l *loader) {
	values := map[string]string{}
	for _, variable := range e.environ {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })

	known, inFile := map[string]bool{}, map[string]bool{}
	for _, s := range l.settings {
		names := e.variables(s)
		inFile[s.variable(e.prefix)] = s.fileOnly
		for _, name := range names {
			known[name] = true
		}
		if len(names) == 0 {
			continue
		}
		if value, set := values[names[0]]; set {
			l.take(l.setBelowFlags, s, names[0], text(value))
		}
		for _, a := range e.aliases {
			known[a.variable] = true
			if value, set := values[a.variable]; set && a.key == s.key {
				l.take(l.setBelowFlags, s, a.variable, text(a.convert(value)))
			}
		}
	}
	if l.file != nil {
		name := e.configVariable()
		known[name] = true
		if path, set := values[name]; set && l.namedBy == "" {
			l.configFile, l.namedBy = path, name
		}
	}
	candidates := slices.Sorted(maps.Keys(known))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !strings.HasPrefix(name, e.prefix) || known[name] || e.belongsToOthers(name, values[name]) {
			continue
		}
		detail := "unknown variable" + near(name, candidates)
		if setting := strings.TrimSuffix(name, "_FILE"); inFile[name] {
			detail = "unknown variable" + onlyInFile
		} else if setting != name && known[setting] {
			detail = "unknown variable: only a secret is read from a file; set " + setting
		}
		l.problem(clip(name), "", detail)
	}

	for _, s := range l.settings {
		names := e.variables(s)
		if len(names) < 2 {
			continue
		}
		if path, set := values[names[1]]; set {
			e.takeFile(l, s, names[1], path)
		}
	}
}

// onlyInFile says why a map or a list of sections has no flag and no variable.
const onlyInFile = ": this setting has parts of its own, and is set in the configuration file only"

// takeFile reads a mounted secret. No message contains the path: if someone
// confused the two variables, the path is the secret.
func (e *env) takeFile(l *loader, s *setting, variable, path string) {
	const most = 64 << 10
	data, err := readFile(path, most)
	content, _ := strings.CutSuffix(strings.TrimPrefix(string(data), bom), "\n")
	content, _ = strings.CutSuffix(content, "\r")
	switch {
	case err != nil:
		l.problem(variable, s.key, "expected the name of a readable file: "+err.Error())
	case content == "":
		l.problem(variable, s.key, "expected a file with the value, got an empty one")
	default:
		l.take(l.setBelowFlags, s, variable, text(content))
		return
	}
	l.wrong[s.key] = true
}

// readFile reads at most that many bytes of a file. It refuses pipes, devices and
// sockets, which may wait for ever. Its errors do not contain the path.
func readFile(path string, most int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	var data []byte
	if err == nil {
		defer f.Close()
		data, err = io.ReadAll(io.LimitReader(f, most+1))
	}
	if pathError := (*os.PathError)(nil); errors.As(err, &pathError) {
		return nil, pathError.Err
	}
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("it is larger than %s", ByteSize(most))
	}
	return data, err
}

// belongsToOthers reports whether a variable is ignored or a service link:
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
func (e *env) belongsToOthers(name, value string) bool {
	for _, pattern := range e.ignored {
		if start, open := strings.CutSuffix(pattern, "*"); name == pattern || open && strings.HasPrefix(name, start) {
			return true
		}
	}
	const link = `_SERVICE_HOST|_SERVICE_PORT(_[A-Z0-9_]+)?|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?`
	return regexp.MustCompile(`^[A-Z0-9_]+(`+link+`)$`).MatchString(name) ||
		strings.HasSuffix(name, "_PORT") && regexp.MustCompile(`^(tcp|udp|sctp)://`).MatchString(value)
}
