package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// validate checks the rules of the validate tags.
func (l *loader) validate(value reflect.Value) {
	rules := validator.New(validator.WithRequiredStructEnabled())
	// The stock hostname_port refuses port 0 and IPv6, and tcp_addr asks DNS.
	if err := rules.RegisterValidation("hostport", isHostPort); err != nil {
		panic(err) // an empty name or a nil function
	}
	var broken validator.ValidationErrors
	if !errors.As(rules.Struct(value.Interface()), &broken) {
		return
	}
	malformed := len(l.problems) > 0
	for _, rule := range broken {
		at, leaf, key := l.root.below(strings.TrimPrefix(rule.StructNamespace(), value.Type().Name()+"."))
		if leaf == nil { // a rule on a field with key:"-"
			l.problem("default", rule.StructNamespace(), "expected "+ruleWords(rule))
			continue
		}
		source := l.winner(leaf).source
		if malformed && comparesFields(rule.Tag()) || l.wrong[leaf.key] && source == "default" {
			continue // the value that was set is already reported
		}
		if strings.HasPrefix(source, l.configFile+":") {
			source = l.configFile + ":" + strconv.Itoa(l.lineOf(key))
		}
		where := ""
		if i := strings.LastIndex(key, "["); strings.HasSuffix(key, "]") && !at.isSection() {
			where = fmt.Sprintf(" as element %d", elementOf(key[i:]))
			key = key[:i]
		}
		l.problem(source, key, l.broken(at, leaf, key, rule, where))
	}
}

// lineOf returns the line of key in the file or, if it is missing, the line of the
// element or section around it.
func (l *loader) lineOf(key string) int {
	for {
		line, ok := l.lines[key]
		end := strings.LastIndexAny(key, ".[")
		if ok || end < 0 {
			return line
		}
		key = key[:end]
	}
}

// below returns what is at path, a Go name such as Servers[0].Port, the leaf that
// this is a part of, and its key; nil if no leaf is there.
func (s *setting) below(path string) (at, leaf *setting, key string) {
	for at = s; path != ""; {
		if part, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); ok && at.elem != nil {
			if at.typ.Kind() == reflect.Map {
				key += "." + part
			} else {
				key += "[" + part + "]"
			}
			at, path = at.elem, rest
			continue
		}
		i := slices.IndexFunc(at.children, func(child *setting) bool {
			rest, ok := strings.CutPrefix(path, strings.TrimPrefix(child.goName, at.goName))
			return ok && (rest == "" || strings.ContainsAny(rest[:1], ".["))
		})
		if i < 0 {
			break
		}
		child := at.children[i]
		path = strings.TrimPrefix(path, strings.TrimPrefix(child.goName, at.goName))
		key = strings.TrimPrefix(key+"."+child.part, ".")
		if at = child; leaf == nil && !at.isSection() {
			leaf = at
		}
	}
	return at, leaf, key
}

// comparesFields reports whether a rule depends on other settings. Such a rule is
// not reported while any setting is malformed.
func comparesFields(tag string) bool {
	return strings.HasSuffix(tag, "field") || strings.Contains(tag, "_with") ||
		strings.Contains(tag, "_if") || strings.Contains(tag, "_unless")
}

// broken says what a rule expects and what it got.
func (l *loader) broken(s, leaf *setting, key string, rule validator.FieldError, where string) string {
	expected := s.expect
	if expected == "" {
		expected = ruleWords(rule)
	}
	expected = "expected " + expected + where
	switch text := display(s, reflect.ValueOf(rule.Value())); {
	case text == "" && where != "":
		return expected + ", got an empty value"
	case text == "":
		return expected + ", got none; set " + l.howToSet(leaf, key)
	case s.secret || s.fileOnly:
		return expected + ", got " + text
	default:
		return expected + ", got " + quote(text)
	}
}

// howToSet lists the names that set s, or in a file key, in the sources of this
// load.
func (l *loader) howToSet(s *setting, key string) string {
	var ways []string
	if l.args != nil && !s.secret && !s.fileOnly {
		ways = append(ways, s.flag())
	}
	if l.env != nil {
		ways = append(ways, l.env.variables(s)...)
	}
	if l.file != nil {
		ways = append(ways, l.file.below(key)+" in the configuration file")
	}
	return strings.Join(ways, " or ")
}

func ruleWords(rule validator.FieldError) string {
	param := rule.Param()
	unit := ""
	switch {
	case rule.Type() == reflect.TypeFor[ByteSize]():
		if n, err := strconv.ParseInt(param, 10, 64); err == nil {
			param = ByteSize(n).String()
		}
	case rule.Kind() == reflect.String:
		unit = " characters"
	case rule.Kind() == reflect.Slice, rule.Kind() == reflect.Map:
		unit = " elements"
	}
	if param == "1" {
		unit = strings.TrimSuffix(unit, "s")
	}
	switch rule.Tag() {
	case "required":
		return "a value"
	case "hostport":
		return "host:port, such as 127.0.0.1:8080 or :8080"
	case "min", "gte":
		return "at least " + param + unit
	case "max", "lte":
		return "at most " + param + unit
	case "gt":
		return "more than " + param + unit
	case "lt":
		return "less than " + param + unit
	case "len":
		return "exactly " + param + unit
	case "oneof":
		return "one of " + strings.Join(choices(param), ", ")
	case "url", "http_url", "uri":
		return "a URL"
	case "unique":
		return "elements that differ from each other"
	}
	words := "what the rule " + rule.Tag() + " allows"
	if param != "" {
		words = "what the rule " + rule.Tag() + "=" + param + " allows"
	}
	return words
}

// choices returns the values that the rule oneof lists; those in single quotes
// may contain spaces.
func choices(param string) []string {
	values := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(param, -1)
	for i, value := range values {
		values[i] = strings.ReplaceAll(value, "'", "")
	}
	return values
}

// isHostPort accepts what a server can listen on and a client can dial, with
// an empty host and port 0 as [net.Listen] takes them.
func isHostPort(field validator.FieldLevel) bool {
	if field.Field().Kind() != reflect.String {
		return false
	}
	host, port, err := net.SplitHostPort(field.Field().String())
	if err != nil {
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	if _, err := netip.ParseAddr(host); host == "" || err == nil {
		return true
	}
	return regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$`).MatchString(host) &&
		len(host) <= 253
}
