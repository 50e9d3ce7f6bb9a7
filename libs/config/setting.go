package config

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setting is one leaf of the described struct.
type setting struct {
	spot
	key         string
	help        string
	placeholder string
	fileOnly    bool          // a map or a list of sections: no flag, no variable
	index       []int         // of the field, for reflect.Value.FieldByIndex
	goPath      string        // "S3.Secret", which is how validator names it
	def         reflect.Value // the field of the defaults
}

func (s setting) flag() string { return "--" + s.flagName() }

func (s setting) flagName() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
}

// flags returns the names that set s: a boolean has --no-name, too.
func (s setting) flags() []string {
	if s.typ.Kind() == reflect.Bool && !readsText(s.typ) {
		return []string{s.flagName(), "no-" + s.flagName()}
	}
	return []string{s.flagName()}
}

func (s setting) variable(prefix string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// describe lists the settings of a struct in the order of its fields.
func describe(defaults reflect.Value) ([]setting, error) {
	if defaults.Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: settings are a struct, not %s", defaults.Type())
	}
	settings, err := describeSection(defaults, "", "", nil)
	if err != nil {
		return nil, err
	}
	keys := map[string]string{}
	for _, s := range settings {
		// The flag is the coarsest of the names: a.b and a_b share it.
		if other, taken := keys[s.flagName()]; taken {
			return nil, fmt.Errorf("config: keys %s and %s have the same flag and variable", other, s.key)
		}
		keys[s.flagName()] = s.key
	}
	return settings, nil
}

func describeSection(section reflect.Value, keyPrefix, goPrefix string, index []int) ([]setting, error) {
	var settings []setting
	for i := range section.NumField() {
		field := section.Type().Field(i)
		part, tagged := field.Tag.Lookup("key")
		if part == "-" || !tagged && !field.IsExported() && !isEmbedded(field) {
			continue
		}
		s := setting{
			spot:        newSpot(field),
			key:         keyPrefix + part,
			help:        field.Tag.Get("help"),
			placeholder: field.Tag.Get("placeholder"),
			index:       append(append([]int(nil), index...), i),
			goPath:      goPrefix + field.Name,
			def:         section.Field(i),
		}
		var err error
		switch {
		case !tagged && isEmbedded(field):
			settings, err = appendSection(settings, section.Field(i), keyPrefix, s)
		case !field.IsExported():
			err = fmt.Errorf("config: field %s has a key but is not exported", s.goPath)
		case !tagged:
			err = fmt.Errorf(`config: field %s has no key tag (key:"-" leaves it alone)`, s.goPath)
		case !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(part):
			err = fmt.Errorf("config: field %s: key %q is not [a-z][a-z0-9_]*", s.goPath, part)
		case !slices.Contains([]string{"", "true", "false"}, field.Tag.Get("secret")):
			err = fmt.Errorf("config: field %s: secret is true or false, not %q", s.goPath, field.Tag.Get("secret"))
		case isValue(field.Type):
			settings = append(settings, s)
		case field.Type.Kind() == reflect.Struct && s.secret:
			err = fmt.Errorf("config: field %s: mark the secret fields of the section, not the section", s.goPath)
		case field.Type.Kind() == reflect.Struct:
			settings, err = appendSection(settings, section.Field(i), s.key+".", s)
		case isTable(field.Type):
			s.fileOnly = true
			settings = append(settings, s)
			// What a flag or a variable cannot set is described all the same,
			// so that a fault of the program shows here.
			if elem := field.Type.Elem(); !isValue(elem) {
				_, err = describeSection(reflect.New(elem).Elem(), s.key+".", s.goPath+".", nil)
			}
		default:
			err = fmt.Errorf("config: field %s: type %s cannot be a setting", s.goPath, field.Type)
		}
		if err != nil {
			return nil, err
		}
	}
	return settings, nil
}

func appendSection(settings []setting, section reflect.Value, keyPrefix string, s setting) ([]setting, error) {
	below, err := describeSection(section, keyPrefix, s.goPath+".", s.index)
	return append(settings, below...), err
}

// isEmbedded reports whether the fields of an embedded struct stand for
// themselves, as they do in Go.
func isEmbedded(field reflect.StructField) bool {
	return field.Anonymous && field.Type.Kind() == reflect.Struct && !isValue(field.Type)
}

// spot is what may be at a place of a file.
type spot struct {
	typ     reflect.Type
	expect  string
	secret  bool
	element int // of a list, from 1; 0 when it is no element
}

func newSpot(field reflect.StructField) spot {
	return spot{
		typ: field.Type, expect: field.Tag.Get("expect"),
		secret: field.Tag.Get("secret") == "true" || field.Type == reflect.TypeFor[Secret](),
	}
}

func (s spot) isSection() bool { return s.typ.Kind() == reflect.Struct && !isScalar(s.typ) }

// find returns what may be at path below a value of s's type, and false when
// the path is unknown.
func (s spot) find(path []string) (spot, bool) {
	if len(path) == 0 {
		return s, true
	}
	next := spot{expect: s.expect, secret: s.secret}
	switch t := s.typ; {
	case isScalar(t):
		return s, false
	case t.Kind() == reflect.Slice && isIndex(path[0]):
		next.typ = t.Elem()
		next.element, _ = strconv.Atoi(strings.Trim(path[0], "[]"))
		next.element++
		if !isScalar(next.typ) {
			next = spot{typ: t.Elem(), secret: s.secret}
		}
		return next.find(path[1:])
	case t.Kind() == reflect.Map && !isIndex(path[0]):
		next.typ = t.Elem()
		return next.find(path[1:])
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			switch key, tagged := field.Tag.Lookup("key"); {
			case tagged && key != "-" && key == path[0]:
				next = newSpot(field)
				next.secret = next.secret || s.secret
				return next.find(path[1:])
			case !tagged && isEmbedded(field):
				if found, ok := (spot{typ: field.Type, secret: s.secret}).find(path); ok {
					return found, true
				}
			}
		}
	}
	return s, false
}

// isTable reports whether t is a map or a list of sections, which only a file
// can hold.
func isTable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Map:
		elem := t.Elem()
		return t.Key().Kind() == reflect.String && (isValue(elem) || elem.Kind() == reflect.Struct)
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Struct
	default:
		return false
	}
}

// isValue reports whether a flag or a variable can hold a value of type t.
func isValue(t reflect.Type) bool {
	return isScalar(t) || t.Kind() == reflect.Slice && isScalar(t.Elem())
}

func isScalar(t reflect.Type) bool {
	if isURL(t) || readsText(t) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return false
	}
}

// isList reports whether t is written as several values. A slice type that
// reads its own text, such as net.IP, is one value.
func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice && !isScalar(t) }

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }

func isURL(t reflect.Type) bool {
	return t == reflect.TypeFor[url.URL]() || t == reflect.TypeFor[*url.URL]()
}

func readsText(t reflect.Type) bool {
	unmarshaler := reflect.TypeFor[encoding.TextUnmarshaler]()
	return t.Kind() == reflect.Pointer && t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}
