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
		path := strings.TrimPrefix(rule.StructNamespace(), value.Type().Name()+".")
		i := slices.IndexFunc(l.settings, func(s setting) bool {
			rest, below := strings.CutPrefix(path, s.goPath)
			return below && (rest == "" || rest[0] == '[')
		})
		if i < 0 { // a rule on a field with key:"-"
			l.problem("default", rule.StructNamespace(), "expected "+ruleWords(rule))
			continue
		}
		s := l.settings[i]
		source := l.given[s.key][0].source
		if malformed && comparesFields(rule.Tag()) || l.wrong[s.key] && source == "default" {
			continue // a value is there, and what is wrong with it has been said
		}
		at, key := l.below(s, path)
		if p, inFile := l.places[key]; inFile && strings.HasPrefix(source, l.configFile+":") {
			source = l.configFile + ":" + strconv.Itoa(p.line)
		}
		where := ""
		if at.element > 0 {
			where = fmt.Sprintf(" as element %d", at.element)
			key = strings.TrimSuffix(key, index(at.element-1))
		}
		below := s
		below.spot, below.key = at, key
		l.problem(source, key, l.broken(below, rule, where))
	}
}

// below returns what is at path, a Go name such as Servers[0].Port, at or
// below s, and its key.
func (l *loader) below(s setting, path string) (spot, string) {
	at, key := s.spot, s.key
	for part := range strings.FieldsFuncSeq(strings.TrimPrefix(path, s.goPath), func(r rune) bool { return r == '.' || r == '[' }) {
		if element, isElement := strings.CutSuffix(part, "]"); isElement {
			part = "[" + part
			if at.typ.Kind() == reflect.Map {
				part = element
				key += "."
			}
		} else if field, ok := at.typ.FieldByName(part); ok {
			if part = field.Tag.Get("key"); part == "" {
				at = newSpot(field) // embedded: its fields stand for themselves
				continue
			}
			key += "."
		}
		next, ok := at.find([]string{part})
		if !ok {
			break
		}
		at, key = next, key+part
	}
	return at, key
}

// comparesFields reports whether a rule looks at other settings. Such a rule
// says nothing while those are malformed.
func comparesFields(tag string) bool {
	return strings.HasSuffix(tag, "field") || strings.Contains(tag, "_with") ||
		strings.Contains(tag, "_if") || strings.Contains(tag, "_unless")
}

// broken says what a rule expects and what it got.
func (l *loader) broken(s setting, rule validator.FieldError, where string) string {
	expected := s.expect
	if expected == "" {
		expected = ruleWords(rule)
	}
	expected = "expected " + expected + where
	switch text := displayValue(reflect.ValueOf(rule.Value())); {
	case text == "" && where != "":
		return expected + ", got an empty value"
	case text == "":
		return expected + ", got none; set " + l.howToSet(s)
	case s.secret:
		return expected + ", got " + redacted
	default:
		return expected + ", got " + quote(text)
	}
}

// howToSet lists the names that set s in the sources of this load.
func (l *loader) howToSet(s setting) string {
	var ways []string
	if l.args != nil && !s.secret && !s.fileOnly {
		ways = append(ways, s.flag())
	}
	if l.env != nil {
		ways = append(ways, l.env.variables(s)...)
	}
	if l.file != nil {
		ways = append(ways, s.key+" in the configuration file")
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
	case rule.Kind() == reflect.Slice:
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
		return "one of " + strings.Join(strings.Fields(param), ", ")
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
