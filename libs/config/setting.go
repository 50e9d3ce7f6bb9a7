package config

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// setting is a node of the described struct: a section, a leaf that sources set,
// or the element type of a list or a map.
type setting struct {
	typ         reflect.Type
	part, key   string // key is the path of parts to it
	help        string
	placeholder string
	expect      string
	rules       string
	secret      bool
	fileOnly    bool          // a map or a list of sections: no flag, no variable
	index       []int         // of the field, for reflect.Value.FieldByIndex
	goName      string        // "S3.Secret", which is how validator names it
	def         reflect.Value // the field of the defaults
	children    []*setting    // of a section
	elem        *setting      // of a list or a map
	parent      *setting
}

func (s *setting) flag() string { return "--" + s.flagName() }

func (s *setting) flagName() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
}

// flags returns the names that set s: a boolean has --no-name, too.
func (s *setting) flags() []string {
	if s.isBool() {
		return []string{s.flagName(), "no-" + s.flagName()}
	}
	return []string{s.flagName()}
}

func (s *setting) isBool() bool { return s.typ.Kind() == reflect.Bool && !readsText(s.typ) }

func (s *setting) variable(prefix string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// describe returns the tree of a struct and its leaves, in the order of its
// fields.
func describe(defaults reflect.Value) (root *setting, leaves []*setting, err error) {
	if defaults.Kind() != reflect.Struct {
		return nil, nil, fmt.Errorf("config: settings are a struct, not %s", defaults.Type())
	}
	root = &setting{typ: defaults.Type()}
	if err := root.addFields(defaults, nil, ""); err != nil {
		return nil, nil, err
	}
	return root, root.leaves(nil), nil
}

// addFields describes the fields of section as children of s. index and goName
// lead to section. The fields of an embedded struct become children of s, too.
func (s *setting) addFields(section reflect.Value, index []int, goName string) error {
	for i := range section.NumField() {
		field := section.Type().Field(i)
		part, tagged := field.Tag.Lookup("key")
		embedded := !tagged && field.Anonymous && field.Type.Kind() == reflect.Struct && !isScalar(field.Type)
		if part == "-" || !tagged && !field.IsExported() && !embedded {
			continue
		}
		child := &setting{
			typ:         field.Type,
			part:        part,
			key:         strings.TrimPrefix(s.key+"."+part, "."),
			help:        field.Tag.Get("help"),
			placeholder: field.Tag.Get("placeholder"),
			expect:      field.Tag.Get("expect"),
			rules:       field.Tag.Get("validate"),
			secret:      s.secret || field.Tag.Get("secret") == "true" || isSecret(field.Type),
			index:       append(slices.Clone(index), i),
			goName:      strings.TrimPrefix(goName+"."+field.Name, "."),
			def:         section.Field(i),
			parent:      s,
		}
		var err error
		switch {
		case embedded:
			err = s.addFields(child.def, child.index, child.goName)
		case !field.IsExported():
			err = fmt.Errorf("config: field %s has a key but is not exported", child.goName)
		case !tagged:
			err = fmt.Errorf(`config: field %s has no key tag (key:"-" leaves it alone)`, child.goName)
		case !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(part):
			err = fmt.Errorf("config: field %s: key %q is not [a-z][a-z0-9_]*", child.goName, part)
		case !slices.Contains([]string{"", "true", "false"}, field.Tag.Get("secret")):
			err = fmt.Errorf("config: field %s: secret is true or false, not %q", child.goName, field.Tag.Get("secret"))
		case child.isSection() && field.Tag.Get("secret") == "true":
			err = fmt.Errorf("config: field %s: mark the secret fields of the section, not the section", child.goName)
		default:
			if other := s.child(part); other != nil {
				return fmt.Errorf("config: key %s belongs to both %s and %s", child.key, other.goName, child.goName)
			}
			s.children = append(s.children, child)
			err = child.addBelow()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addBelow adds the settings below s, including those that only a file can set, so
// that mistakes in the struct are found at once.
func (s *setting) addBelow() error {
	t := s.typ
	switch {
	case isScalar(t):
		return nil
	case t.Kind() == reflect.Struct:
		return s.addFields(s.def, s.index, s.goName)
	case t.Kind() == reflect.Slice && isScalar(t.Elem()):
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct,
		t.Kind() == reflect.Map && t.Key().Kind() == reflect.String &&
			(t.Elem().Kind() == reflect.Struct || isScalar(t.Elem()) || t.Elem().Kind() == reflect.Slice && isScalar(t.Elem().Elem())):
		s.fileOnly = true
	default:
		return fmt.Errorf("config: field %s: type %s cannot be a setting", s.goName, t)
	}
	for p := s.parent; p != nil; p = p.parent {
		if p.typ == t.Elem() {
			return fmt.Errorf("config: field %s: type %s contains itself", s.goName, t.Elem())
		}
	}
	s.elem = &setting{typ: t.Elem(), key: s.key, goName: s.goName, expect: s.expect, secret: s.secret, def: reflect.New(t.Elem()).Elem(), parent: s}
	if s.elem.isSection() {
		s.elem.expect = ""
	}
	if err := s.elem.addBelow(); err != nil {
		return err
	}
	ruled := func(leaf *setting) bool { return leaf.rules != "" }
	if slices.ContainsFunc(s.elem.leaves(nil), ruled) && !slices.Contains(strings.Split(s.rules, ","), "dive") {
		return fmt.Errorf(`config: field %s: validate:"dive" is needed for the rules of its elements`, s.goName)
	}
	return nil
}

// leaves appends the settings below s that sources set.
func (s *setting) leaves(all []*setting) []*setting {
	for _, child := range s.children {
		if child.isSection() {
			all = child.leaves(all)
		} else {
			all = append(all, child)
		}
	}
	return all
}

// names appends the keys of the sections and settings below s, in each element
// of a list as well.
func (s *setting) names(all []string) []string {
	if s.elem != nil && s.typ.Kind() == reflect.Slice {
		all = s.elem.names(all)
	}
	for _, child := range s.children {
		all = child.names(append(all, child.key))
	}
	return all
}

func (s *setting) isSection() bool { return s.typ.Kind() == reflect.Struct && !isScalar(s.typ) }

// child returns the section or setting below s with that part of the key, or nil.
func (s *setting) child(part string) *setting {
	for _, child := range s.children {
		if child.part == part {
			return child
		}
	}
	return nil
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

// isSecret reports whether t is a [Secret], or a list or map of them.
func isSecret(t reflect.Type) bool {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t == reflect.TypeFor[Secret]()
}

// isList reports whether t has several values. A slice type with UnmarshalText,
// such as net.IP, is one value.
func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice && !isScalar(t) }

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }

func isURL(t reflect.Type) bool {
	return t == reflect.TypeFor[url.URL]() || t == reflect.TypeFor[*url.URL]()
}

func readsText(t reflect.Type) bool {
	unmarshaler := reflect.TypeFor[encoding.TextUnmarshaler]()
	return t.Kind() == reflect.Pointer && t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}
