package config

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// setting is one leaf of the described struct.
type setting struct {
	key         string
	help        string
	placeholder string
	expect      string
	secret      bool
	index       []int  // of the field, for reflect.Value.FieldByIndex
	goPath      string // "S3.Secret", which is how validator names it
	typ         reflect.Type
	def         reflect.Value // the field of the defaults
}

func (s setting) flag() string { return "--" + s.flagName() }

func (s setting) flagName() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
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
	validPart := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	var settings []setting
	for i := range section.NumField() {
		field := section.Type().Field(i)
		part, tagged := field.Tag.Lookup("key")
		if part == "-" || !field.IsExported() && !tagged {
			continue
		}
		goPath := goPrefix + field.Name
		switch {
		case !field.IsExported():
			return nil, fmt.Errorf("config: field %s has a key but is not exported", goPath)
		case !tagged:
			return nil, fmt.Errorf(`config: field %s has no key tag (key:"-" leaves it alone)`, goPath)
		case !validPart.MatchString(part):
			return nil, fmt.Errorf("config: field %s: key %q is not [a-z][a-z0-9_]*", goPath, part)
		}
		s := setting{
			key:         keyPrefix + part,
			help:        field.Tag.Get("help"),
			placeholder: field.Tag.Get("placeholder"),
			expect:      field.Tag.Get("expect"),
			index:       append(append([]int(nil), index...), i),
			goPath:      goPath,
			typ:         field.Type,
			def:         section.Field(i),
		}
		switch secret := field.Tag.Get("secret"); secret {
		case "", "false":
		case "true":
			s.secret = true
		default:
			return nil, fmt.Errorf("config: field %s: secret is true or false, not %q", goPath, secret)
		}
		switch {
		case isValue(field.Type):
			settings = append(settings, s)
		case field.Type.Kind() == reflect.Struct:
			if s.secret {
				return nil, fmt.Errorf("config: field %s: mark the secret fields of the section, not the section", goPath)
			}
			below, err := describeSection(section.Field(i), s.key+".", goPath+".", s.index)
			if err != nil {
				return nil, err
			}
			settings = append(settings, below...)
		default:
			return nil, fmt.Errorf("config: field %s: type %s cannot be a setting", goPath, field.Type)
		}
	}
	return settings, nil
}

// isValue reports whether parse can make a value of type t.
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
func isList(t reflect.Type) bool { return !isScalar(t) }

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }

func isURL(t reflect.Type) bool {
	return t == reflect.TypeFor[url.URL]() || t == reflect.TypeFor[*url.URL]()
}

func readsText(t reflect.Type) bool {
	unmarshaler := reflect.TypeFor[encoding.TextUnmarshaler]()
	return t.Kind() == reflect.Pointer && t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}
